"""``python -m astmigrate``."""

from astmigrate.cli import main

if __name__ == "__main__":
    main(prog_name="astmigrate")
