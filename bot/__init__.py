"""The core of Darkroom: knows no platform, no SQL dialect, no web page. Start reading at README.md."""
