"""All analyses of neurons and synapses that a run has the data for: numbers, report, figures."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from threefactor.analysis.neural.credit import Credit, measure_credit
from threefactor.analysis.neural.drift import WeightDrift, measure_drift
from threefactor.analysis.neural.fields import ReceptiveFields, measure_fields
from threefactor.analysis.neural.spans import recorded_spans
from threefactor.analysis.neural.spiking import (
    BIN_MS,
    HOW_TO_GET_ELEPHANT,
    SpikeStatistics,
    has_elephant,
    measure_spikes,
)
from threefactor.analysis.run_data import Run

Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class NeuralAnalysis:
    """What neurons and synapses of replica 0 did in a run.

    Attributes
    ----------
    path : Path
    spikes : tuple of SpikeStatistics
        Of every population, in early and in late recorded episodes.
    drifts : tuple of WeightDrift
        Of every projection.
    credits : tuple of Credit
        Of eligibility and third factor, in early and in late recorded episodes.
    fields : ReceptiveFields or None
    bin_ms : float
        Of the counts that are correlated.
    notes : tuple of str
        What is lacking, and what gives it.
    """

    path: Path
    spikes: tuple[SpikeStatistics, ...]
    drifts: tuple[WeightDrift, ...]
    credits: tuple[Credit, ...]
    fields: ReceptiveFields | None
    bin_ms: float
    notes: tuple[str, ...]

    def report(self) -> str:
        """Return what the command prints."""
        lines: list[str] = []
        if self.spikes:
            lines += [
                "spikes (means over neurons)",
                *_table(_SPIKES, map(_spike_cells, self.spikes)),
            ]
        if self.drifts:
            lines += ["", "weights", *_table(_DRIFTS, map(_drift_cells, self.drifts))]
        if self.credits:
            rows = map(_credit_cells, self.credits)
            lines += ["", "eligibility and third factor", *_table(_CREDITS, rows)]
        if self.fields is not None:
            found = self.fields
            head = f"receptive fields ({found.projection}, spikes of {found.span.text})"
            each = zip(found.names, found.n_spikes, found.agreement, strict=True)
            cells = ([name, str(count), _number(value)] for name, count, value in each)
            lines += ["", head, *_table(_FIELDS, cells)]
        lines += ["", *(f"NOTE: {note}" for note in self.notes)] if self.notes else []
        return "\n".join(lines).strip("\n")

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers of the tables as plain data."""
        return {
            "spikes": [
                {
                    "population": s.population, "span": s.span.text, "neurons": s.rates_hz.size,
                    "rate_hz": float(s.rates_hz.mean()),
                    "silent_share": float((s.rates_hz == 0).mean()),
                    "cv": s.cv, "cv2": s.cv2, "lv": s.lv, "fano": s.fano,
                    "correlation": s.correlation, "synchrony": s.synchrony,
                }
                for s in self.spikes
            ],
            "weights": [
                {
                    "projection": d.projection, "mean_before": d.mean_before,
                    "mean_after": d.mean_after, "distance": float(d.distance[-1]),
                    "similarity": _plain(d.similarity[-1]), "slowing": _plain(d.slowing),
                }
                for d in self.drifts
            ],
            "credit": [
                {
                    "span": c.span.text, "synapses": len(c.synapses), "pairs": len(c.eligibility),
                    "strength": c.strength, "chance": c.chance, "p": c.p_value,
                    "by_covariance": _plain(c.by_covariance),
                    "correlation": {
                        name: _plain(r) for name, r in zip(c.synapses, c.correlation, strict=True)
                    },
                }
                for c in self.credits
            ],
            "bin_ms": self.bin_ms, "notes": list(self.notes),
        }  # fmt: skip

    def figures(self) -> dict[str, Any]:
        """Draw Matplotlib figures: "neural", and "receptive-fields" where there are any."""
        from threefactor.analysis.neural.figure import draw_fields, draw_neural

        figures = {"neural": draw_neural(self)}
        if self.fields is not None:
            figures["receptive-fields"] = draw_fields(self.fields)
        return figures


def analyse_run(run_path: str | Path, bin_ms: float = BIN_MS) -> NeuralAnalysis:
    """Analyse what a run recorded of replica 0.

    Raises
    ------
    ValueError
        For a folder that is no run, or where there is nothing to analyse.
    """
    run, notes = Run(run_path), []

    def tried(measure: Callable[[], Found]) -> Found | None:
        try:
            return measure()
        except ValueError as lacking:
            notes.append(str(lacking))
            return None

    spans = tried(lambda: recorded_spans(run)) or ()
    # A bin that no span can hold is the user's mistake, not something that the run lacks.
    spikes = [found for span in spans for found in measure_spikes(run, span, bin_ms)]
    projections = run.projections if run.segments else ()
    drifts = [tried(partial(_drift, run, name)) for name in projections]
    credits = [tried(partial(measure_credit, run, span)) for span in spans]
    fields = tried(lambda: measure_fields(run, spans[-1])) if spans else None
    if spikes and not has_elephant():
        notes.append(HOW_TO_GET_ELEPHANT)
    kept = tuple(drift for drift in drifts if drift is not None)
    if not spikes and not kept:
        raise ValueError(" ".join(dict.fromkeys(notes)) or f"Run {run.path}: nothing recorded.")
    return NeuralAnalysis(
        run.path, tuple(spikes), kept, tuple(c for c in credits if c is not None), fields, bin_ms,
        tuple(dict.fromkeys(notes)),
    )  # fmt: skip


def _drift(run: Run, projection: str) -> WeightDrift:
    return measure_drift(projection, run.weights(projection))


_SPIKES = ["", "in", "rate (Hz)", "silent", "CV", "CV2", "LV", "Fano", "correlation", "synchrony"]
_DRIFTS = ["", "mean before", "mean after", "moved", "like before", "last steps"]
_CREDITS = ["", "pairs", "synapses", "correlation", "chance", "p", "by covariance"]
_FIELDS = ["", "spikes", "weights like inputs before spikes"]


def _spike_cells(found: SpikeStatistics) -> list[str]:
    values = (found.cv, found.cv2, found.lv, found.fano, found.correlation, found.synchrony)
    return [
        found.population, found.span.text, f"{found.rates_hz.mean():.1f}",
        f"{(found.rates_hz == 0).mean():.0%}", *map(_number, values),
    ]  # fmt: skip


def _drift_cells(found: WeightDrift) -> list[str]:
    return [
        found.projection, f"{found.mean_before:.4g}", f"{found.mean_after:.4g}",
        f"{found.distance[-1]:.0%}", _number(found.similarity[-1]), f"x {_number(found.slowing)}",
    ]  # fmt: skip


def _credit_cells(found: Credit) -> list[str]:
    return [
        found.span.text, str(len(found.eligibility)), str(len(found.synapses)),
        f"{found.strength:.3f}", f"{found.chance:.3f}", f"{found.p_value:.2g}",
        "-" if np.isnan(found.by_covariance) else f"{found.by_covariance:.0%}",
    ]  # fmt: skip


def _number(value: float | None) -> str:
    return "-" if value is None or np.isnan(value) else f"{value:.2f}"


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _table(header: list[str], rows: Any) -> list[str]:
    table = [header, *rows]
    widths = [max(len(line[k]) for line in table) for k in range(len(header))]
    return [
        "  " + "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
        for line in table
    ]
