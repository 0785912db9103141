"""Refuse version pairs that fail in a confusing way, before anything imports Brian2."""

import importlib.metadata


def check_versions() -> None:
    """Raise RuntimeError in one line for a missing package or a pair known to break."""
    try:
        versions = {
            name: tuple(int(part) for part in importlib.metadata.version(name).split(".")[:2])
            for name in ("brian2", "numpy", "gymnasium", "h5py", "PyYAML", "tqdm")
        }
    except importlib.metadata.PackageNotFoundError as error:
        raise RuntimeError(
            f"the package {error.name} is not installed: run `make run`, "
            "or `pip install -r requirements.txt`."
        ) from None
    if versions["brian2"] < (2, 10) and versions["numpy"] >= (2, 4):
        raise RuntimeError(
            "Brian2 2.9 cannot be imported with NumPy 2.4 or newer (ndarray.ptp is gone): "
            'run `pip install "numpy<2.4"`, or use Python 3.12 with Brian2 2.10 or newer.'
        )
