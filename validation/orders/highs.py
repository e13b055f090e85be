#!/usr/bin/env python3
"""Solves the plans of programs.json with HiGHS and writes highs.json: the second solver of `orders plan`.

    pip install highspy==1.15.1
    python3 validation/orders/highs.py

Modelled anew, in racks delivered in each period (crates/market/src/orders/plan.rs works in cumulative shares): revenue less
lateness less what is broken, offers whole or not at all.
"""

import json
from pathlib import Path

import highspy


def solve(p):
    periods, claims, inf = len(p["discount"]), p["claims"], highspy.kHighsInf
    f, late, broken = p["discount"], p["late"], p["broken"]
    h = highspy.Highs()
    h.setOptionValue("output_flag", False)
    h.setOptionValue("mip_rel_gap", 1e-9)
    cost, integer, rows, constant = [], [], [], 0.0

    def column(c, whole=False):
        cost.append(c)
        integer.append(whole)
        return len(cost) - 1

    x = []
    for c in claims:
        price, end = c["usd_per_rack"], periods - 1
        # A rack delivered in t is not late in t and after, and not broken.
        gain = [price * (f[t] + late * sum(f[t:]) + (broken * f[end] if c["held"] else 0.0)) for t in range(periods)]
        x.append([column(g) for g in gain])
        fixed = -price * sum(late * f[t] * c["asked"][t] for t in range(periods))
        if c["held"]:
            constant += fixed - price * broken * f[end] * c["asked"][end]
            z = None
        else:
            z = column(fixed, True)
        for t in range(periods):
            done = {v: 1.0 for v in x[-1][: t + 1]}
            if z is None:
                low = min(c["due"][t], c["asked"][t]) if p["keep"] else -inf
                rows.append((low, c["asked"][t], done))
            else:
                rows.append((-inf, 0.0, {**done, z: -c["asked"][t]}))
        if z is not None:
            rows.append((0.0, 0.0, {**{v: 1.0 for v in x[-1]}, z: -c["racks"]}))
    for product, supply in enumerate(p["supply"]):
        for t, there in enumerate(supply):
            used = {}
            for c, v in zip(claims, x):
                if c["product"] == product:
                    used.update({i: c["chips_per_rack"] for i in v[: t + 1]})
            if used:
                rows.append((-inf, there, used))
    for c, whole in zip(cost, integer):
        h.addCol(c, 0.0, 1.0 if whole else inf, 0, [], [])
    for i, whole in enumerate(integer):
        if whole:
            h.changeColIntegrality(i, highspy.HighsVarType.kInteger)
    for low, high, row in rows:
        h.addRow(low, high, len(row), list(row.keys()), list(row.values()))
    h.changeObjectiveSense(highspy.ObjSense.kMaximize)
    h.run()
    status = h.getModelStatus()
    if status == highspy.HighsModelStatus.kInfeasible:
        return None
    if status != highspy.HighsModelStatus.kOptimal:
        raise SystemExit(h.modelStatusToString(status))
    return h.getInfo().objective_function_value + constant


def main():
    folder = Path(__file__).parent
    cases = json.loads((folder / "programs.json").read_text())
    version = highspy.Highs().version()
    solved = [{"usd": solve(c), "solver": f"HiGHS {version}"} for c in cases]
    (folder / "highs.json").write_text(json.dumps(solved, indent=1) + "\n")
    for s in solved:
        print(s["usd"])


if __name__ == "__main__":
    main()
