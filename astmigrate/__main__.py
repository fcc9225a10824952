"""``python -m astmigrate``."""

from astmigrate.cli import start

if __name__ == "__main__":
    start()
