"""Where does the bot keep what it must not forget? One file per engine; its name is the scheme of DATABASE_URL."""
