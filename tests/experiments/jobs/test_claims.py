"""Claims: of several processes that want a job, one gets it, also after a death."""

import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from threefactor.experiments.jobs import claims as claims_module
from threefactor.experiments.jobs.claims import STALE_S, Claims
from threefactor.experiments.jobs.job import TrainingJob


@pytest.fixture
def job(tmp_path):
    return TrainingJob("a", tmp_path / "cell" / "seeds-0", tmp_path / "c.yaml", 0, 1, 10)


def owned(folder, job, host, pid):
    folder.mkdir()
    path = folder / f"{job.path.parent.name}-{job.path.name}.claim"
    path.write_text(json.dumps({"host": host, "pid": pid}))
    return path


def dead_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_job_is_claimed_once_until_it_is_released(tmp_path, job):
    one, two = Claims(tmp_path / "claims"), Claims(tmp_path / "claims")
    assert one.take(job)
    assert not two.take(job)
    one.release(job)
    assert two.take(job)


def test_of_many_one_gets_it(tmp_path, job):
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: Claims(tmp_path / "claims").take(job), range(40)))
    assert sum(taken) == 1


def test_the_claim_of_a_process_that_is_gone_is_taken_over_by_one(tmp_path, job):
    owned(tmp_path / "claims", job, socket.gethostname(), dead_process())
    assert [Claims(tmp_path / "claims").take(job) for _ in range(3)] == [True, False, False]


def test_the_claim_of_another_machine_is_stale_when_it_was_not_renewed(tmp_path, job):
    path = owned(tmp_path / "claims", job, "elsewhere", 1)
    assert not Claims(tmp_path / "claims").take(job)
    old = path.stat().st_mtime - STALE_S - 5
    os.utime(path, (old, old))
    assert Claims(tmp_path / "claims").take(job)


def test_renewing_keeps_a_claim_fresh(tmp_path, job, monkeypatch):
    own = Claims(tmp_path / "claims")
    own.take(job)
    path = next((tmp_path / "claims").iterdir())
    os.utime(path, (1.0, 1.0))
    own.renew([job])  # not due yet
    assert path.stat().st_mtime == 1.0
    monkeypatch.setattr(claims_module, "RENEW_S", 0.0)
    own.renew([job])
    assert path.stat().st_mtime > 1.0


def test_a_claim_that_was_never_written_to_its_end_is_stale_after_a_while(tmp_path, job):
    path = owned(tmp_path / "claims", job, "h", 1)
    path.write_text("")
    assert not Claims(tmp_path / "claims").take(job)
    os.utime(path, (1.0, 1.0))
    assert Claims(tmp_path / "claims").take(job)
