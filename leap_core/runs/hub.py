"""Upload what a run made to the model hub."""

from __future__ import annotations

from pathlib import Path

from leap_core.errors import LeapError, MissingExtra


def push(folder: Path, repository: str, private: bool = True) -> str:
    """Upload an exported folder to the hub; returns its address.

    Raises:
        LeapError: the hub cannot be reached or refuses; the folder stays where it is.
    """
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise MissingExtra("pushing to the hub", "huggingface_hub", "leap-core[local]") from error
    try:
        api = HfApi()
        address = api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(folder_path=folder, repo_id=repository)
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        raise LeapError(
            f"cannot push to '{repository}': {why} (log in with: hf auth login); the export is in "
            f"'{folder}'"
        ) from error
    return str(address)
