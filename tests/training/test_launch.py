"""Updates in processes of their own, and updates that are killed."""

from __future__ import annotations

import os
import signal
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from leap_core.errors import UpdateError
from leap_core.training.launch import _result
from leap_core.training.options import LaunchOptions
from leap_core.types import PolicyRef
from leap_core.updaters.preferences import DPOUpdater, KTOUpdater
from leap_core.updaters.sft import SFTUpdater
from tests.support.forked import forked
from tests.support.students import tiny_student, toy_examples
from tests.support.updates import ADAPTER, Told, corrections, updater


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> PolicyRef:
    return PolicyRef(kind="transformers", model=str(tiny_student(tmp_path_factory.mktemp("base"))))


def weights(policy: PolicyRef) -> dict[str, torch.Tensor]:
    folder = Path(policy.adapter or policy.model)
    name = "adapter_model.safetensors" if policy.adapter else "model.safetensors"
    return dict(load_file(folder / name))


def test_two_processes_train_like_one(
    base: PolicyRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KTO is the method with the most to agree on: reference, estimate of the KL, gradient."""
    monkeypatch.chdir(tmp_path)
    options: dict[str, Any] = {"beta": 0.1, "undesirable_weight": 0.5, "micro_batch_size": 2}
    one, two = Told(), Told()
    examples = corrections()
    alone = updater(KTOUpdater, **options, launch="never").update(
        base, examples, one.context(tmp_path / "one", base)
    )
    together = updater(KTOUpdater, **options, launch={"processes": 2}).update(
        base, examples, two.context(Path("two"), base)
    )
    assert together.model == "two"
    assert len(one.losses) > 1
    assert two.losses == pytest.approx(one.losses, rel=1e-4)
    for name, tensor in weights(alone).items():
        torch.testing.assert_close(weights(together)[name], tensor, rtol=1e-3, atol=1e-4)


def site(tmp_path: Path, code: str) -> dict[str, Any]:
    """Launch options under which the job runs `code` before anything else."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code)
    return {"environment": {"PYTHONPATH": str(folder)}}


def test_a_job_that_crashes_is_an_error_with_the_end_of_its_log(
    base: PolicyRef, tmp_path: Path
) -> None:
    launch = site(tmp_path, "import os\nprint('a cable came loose', flush=True)\nos._exit(3)\n")
    context = Told().context(tmp_path / "out", base, work_dir=tmp_path / "work")
    with pytest.raises(UpdateError, match=r"ended with code 3; its log ends:\n.*cable came loose"):
        updater(SFTUpdater, launch=launch).update(base, toy_examples(2), context)


def test_what_one_of_two_processes_said_before_it_died_is_shown(
    base: PolicyRef, tmp_path: Path
) -> None:
    """torchrun reports the death at length, and without its cause."""
    code = """
        import os
        if os.environ.get("RANK") == "1":
            print("a cable came loose", flush=True)
            os.abort()
    """
    launch = site(tmp_path, textwrap.dedent(code)) | {"processes": 2}
    context = Told().context(tmp_path / "out", base)
    with pytest.raises(UpdateError, match=r"its log ends:\n(?s:.*)a cable came loose") as caught:
        updater(SFTUpdater, launch=launch).update(base, toy_examples(2), context)
    assert "Root Cause" not in str(caught.value)


def test_a_job_that_the_system_kills_is_an_error_with_a_hint(
    base: PolicyRef, tmp_path: Path
) -> None:
    launch = site(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    context = Told().context(tmp_path / "out", base)
    with pytest.raises(UpdateError, match=r"killed by signal 9: .* out of memory"):
        updater(SFTUpdater, launch=launch).update(base, toy_examples(2), context)


@pytest.mark.parametrize("kind", ["sft", "dpo"])
def test_a_killed_update_goes_on_to_the_same_weights(
    base: PolicyRef, tmp_path: Path, kind: str
) -> None:
    """Bitwise; dropout, the schedule and the reference of DPO are those of the unbroken update."""
    if kind == "sft":
        lora = {**ADAPTER, "dropout": 0.2}
        chosen = updater(SFTUpdater, lora=lora, checkpoint_steps=2, epochs=4, batch_size=2)
        examples = toy_examples(4)
    else:
        chosen = updater(DPOUpdater, checkpoint_steps=2, epochs=4, beta=0.5, batch_size=2)
        examples = corrections()
    unbroken = Told()
    whole = chosen.update(base, examples, unbroken.context(tmp_path / "whole", base))

    def killed() -> None:
        told = Told()
        context = told.context(tmp_path / "broken", base, work_dir=tmp_path / "work")

        def log(metrics: Mapping[str, float]) -> None:
            if metrics.get("step", 0) >= 5:
                os.kill(os.getpid(), signal.SIGKILL)

        chosen.update(base, examples, type(context)(**{**vars(context), "log": log}))

    status = forked(killed, tmp_path / "stderr")
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert list((tmp_path / "work").glob("checkpoint-4/trainer_state.json"))
    torn = tmp_path / "work" / "checkpoint-99"
    torn.mkdir()  # as if the process had died in the middle of writing one

    resumed = Told()
    out = resumed.context(tmp_path / "resumed", base, work_dir=tmp_path / "work")
    made = chosen.update(base, examples, out)
    assert resumed.losses == unbroken.losses
    assert [m["step"] for m in resumed.metrics] == [m["step"] for m in unbroken.metrics]
    expected = weights(whole)
    for name, tensor in weights(made).items():
        assert torch.equal(tensor, expected[name]), name


def accelerate_config(folder: Path, processes: int) -> str:
    path = folder / "accelerate.yaml"
    path.write_text(
        "compute_environment: LOCAL_MACHINE\ndistributed_type: 'NO'\nmixed_precision: 'no'\n"
        f"num_machines: 1\nnum_processes: {processes}\nuse_cpu: true\n"
    )
    return str(path)


def test_accelerate_launches_the_job_with_the_file_that_it_is_given(
    base: PolicyRef, tmp_path: Path
) -> None:
    here, there = Told(), Told()
    updater(SFTUpdater).update(base, toy_examples(6), here.context(tmp_path / "here", base))
    launch = {"accelerate_config": accelerate_config(tmp_path, 1)}
    made = updater(SFTUpdater, launch=launch).update(
        base, toy_examples(6), there.context(tmp_path / "there", base)
    )
    assert len(here.losses) > 1 and there.losses == pytest.approx(here.losses, rel=1e-5)
    assert weights(made)


def test_fewer_processes_than_were_asked_for_is_an_error(tmp_path: Path) -> None:
    """What `accelerate launch` does without GPUs, silently."""
    job = tmp_path / "job"
    job.mkdir()
    (job / "result.json").write_text('{"policy": {}, "world": 1}')
    chosen = LaunchOptions(accelerate_config=accelerate_config(tmp_path, 2))
    with pytest.raises(UpdateError, match="ran 1 processes instead of 2"):
        _result(job, 0, chosen, tmp_path / "out")
