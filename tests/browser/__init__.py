"""The HTML page in a browser: what it shows, hides, asks for, and lets run."""
