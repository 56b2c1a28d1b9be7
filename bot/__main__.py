"""`python -m bot`: the same as the `darkroom` command."""

from bot.cli import main

if __name__ == "__main__":
    main()
