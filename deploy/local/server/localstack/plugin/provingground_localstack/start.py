"""Starts LocalStack with everything that it writes below FILESYSTEM_ROOT, so that several run side by side."""

import os
from pathlib import Path


def main():
    root = Path(os.environ["FILESYSTEM_ROOT"])
    libraries = root / "usr" / "lib" / "localstack"
    libraries.parent.mkdir(parents=True, exist_ok=True)
    if not libraries.is_symlink():
        libraries.symlink_to(os.environ["LOCALSTACK_LIBRARIES"])
    if "s3" in os.environ["SERVICES"].split(","):
        # LocalStack itself keeps objects in one fixed folder below /tmp, which all would share.
        from localstack.services.s3 import provider

        provider.DEFAULT_S3_TMP_DIR = str(root / "s3")
    from localstack.runtime.main import main as run

    run()


main()
