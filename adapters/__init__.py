"""One folder per platform; the folder's name is its name in PLATFORMS. A new platform is a new folder, and no edit elsewhere."""
