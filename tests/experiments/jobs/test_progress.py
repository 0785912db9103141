"""Progress of jobs: what their growing episodes.csv say, resumed ones included."""

import pytest

from threefactor.analysis.run_data import EPISODE_COLUMNS
from threefactor.experiments.jobs.job import TrainingJob
from threefactor.experiments.jobs.progress import EpisodeTail, JobsProgress
from threefactor.experiments.training.progress import Display

HEAD = ",".join(EPISODE_COLUMNS) + "\n"


def row(replica, episode, metric):
    return f"{replica},{episode},0.0,{metric},3,1,0,0.06\n"


def test_tail_counts_whole_lines_once(tmp_path):
    path = tmp_path / "episodes.csv"
    tail = EpisodeTail(path)
    tail.read()
    assert tail.count == 0
    path.write_text(HEAD + row(0, 1, 0.5) + "1,1,0.0,0.2")
    tail.read()
    assert (tail.count, dict(tail.returns)) == (1, {0: [0.5]})
    with path.open("a") as file:
        file.write("5,3,1,0,0.06\n")
    tail.read()
    tail.read()
    assert (tail.count, dict(tail.returns)) == (2, {0: [0.5], 1: [0.25]})


def test_tail_begins_again_with_a_new_file(tmp_path):
    path = tmp_path / "episodes.csv"
    path.write_text(HEAD + row(0, 1, 0.5) + row(0, 2, 0.7))
    tail = EpisodeTail(path)
    tail.read()
    (tmp_path / "fresh").write_text(HEAD + row(0, 1, 0.5))
    (tmp_path / "fresh").replace(path)
    tail.read()
    assert (tail.count, dict(tail.returns)) == (1, {0: [0.5]})


def test_tail_keeps_the_last_episodes_only(tmp_path):
    path = tmp_path / "episodes.csv"
    path.write_text(HEAD + "".join(row(0, n, float(n)) for n in range(150)))
    tail = EpisodeTail(path)
    tail.read()
    assert tail.count == 150
    assert tail.returns[0] == [float(n) for n in range(50, 150)]


def test_jobs_are_shown_as_one_run(tmp_path):
    jobs = [TrainingJob(str(n), tmp_path / str(n), tmp_path / "c.yaml", n, 1, 10) for n in range(2)]
    for number, job in enumerate(jobs):
        job.path.mkdir()
        (job.path / "episodes.csv").write_text(HEAD + row(0, 1, float(number)))
    lines = []
    progress = JobsProgress(jobs, Display(lines.append))
    progress.update()
    assert lines == []
    for job in jobs:
        with (job.path / "episodes.csv").open("a") as file:
            file.write(row(0, 2, 3.0))
    progress.update()
    assert lines == [f"episode 4/20: mean of the last 100: {(1.5 + 2.0) / 2:.3f}"]


def test_values_of_a_job_are_words(tmp_path):
    job = TrainingJob(
        "a", tmp_path / "a", tmp_path / "c.yaml", 3, 2, 10, {"rule.x": (1.5, 2), "probes": 0}
    )
    words = job.prepare()
    assert words[0] == "train"
    assert words[words.index("--rule.x") :][:5] == ["--rule.x", "1.5", "2", "--probes", "0"]
    assert words[words.index("--seed") + 1] == "3"
    assert not job.is_done


def test_a_job_without_a_checkpoint_begins_anew(tmp_path):
    job = TrainingJob("a", tmp_path / "a", tmp_path / "c.yaml", 0, 1, 10)
    (job.path / "recordings").mkdir(parents=True)
    assert "--config" in job.prepare()
    assert not job.path.exists()
    (job.path / "checkpoints").mkdir(parents=True)
    (job.path / "checkpoints" / "latest.npz").write_bytes(b"")
    words = job.prepare()
    assert words[1:5] == ["--resume", str(job.path), "--episodes", "10"]
    assert job.path.exists()


@pytest.mark.parametrize(("episodes", "is_done"), [(9, True), (10, True), (11, False)])
def test_a_job_is_done_with_its_episodes(episodes, is_done, tmp_path):
    job = TrainingJob("a", tmp_path, tmp_path / "c.yaml", 0, 1, episodes)
    (tmp_path / "meta.json").write_text('{"config": {"episodes": 10}}')
    assert not job.is_done
    (tmp_path / "DONE").touch()
    assert job.is_done == is_done
