"""One language for all platforms: people, what they say, and what they see. Start with `World` in world.py."""

from tests.world.driver import Driver, File, Post, Said, Traits
from tests.world.world import Member, Place, World, platform_names

__all__ = ["Driver", "File", "Member", "Place", "Post", "Said", "Traits", "World", "platform_names"]
