"""``python -m astmigrate``."""

from astmigrate.process import start

if __name__ == "__main__":
    start()
