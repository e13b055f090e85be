"""`python -m secondsource.nki SCRIPT.py --target trn2`: runs a script that uses the vendor's names, unmodified."""

import argparse
import json
import os
import runpy
import sys
import traceback

from . import _alias, _launch, _state, _time

HELP = """\
Runs a Python script whose NKI kernels were written for AWS Trainium, here: `nki`, `neuronxcc.nki` and `neuron_dtypes`
mean this package for that process only. What the script prints comes out as always; then one page about each kernel
launch: instructions, time on the target, where it goes.

examples:
  python -m secondsource.nki my_kernel.py --target trn2
  python -m secondsource.nki my_kernel.py --target trn3 --trace my_kernel.json -- --size 1024
"""


def parse(argv):
    own, rest = argv, []
    if "--" in argv:
        at = argv.index("--")
        own, rest = argv[:at], argv[at + 1 :]
    parser = argparse.ArgumentParser(
        prog="python -m secondsource.nki", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("script", help="the script; its own arguments stand after `--`")
    parser.add_argument("--target", metavar="CHIP", help="trn1, trn2 or trn3 (default: NEURON_PLATFORM_TARGET_OVERRIDE, else trn3)")
    parser.add_argument("--trace", metavar="FILE", help="write the last launch as a trace for the Perfetto viewer")
    parser.add_argument("--json", metavar="FILE", help="write what is known of every launch")
    parser.add_argument("--quiet", action="store_true", help="no page about the launches")
    options = parser.parse_args(own)
    options.arguments = rest
    if options.target:
        try:
            options.target = _state.chip(options.target)
        except ValueError as error:
            parser.error(str(error))
    if not os.path.isfile(options.script):
        parser.error(f"{options.script} is no file")
    return options


def main(argv=None):
    options = parse(sys.argv[1:] if argv is None else argv)
    if options.target:
        _state.override = options.target
    os.environ.setdefault("NKI_SIMULATOR", "1")
    _alias.install()
    launches = []

    def observe(launch, name):
        launches.append(_time.summary(launch, name))
        if options.trace:
            _time.write_trace(launch, options.trace)

    _launch.observer = observe
    sys.argv = [options.script, *options.arguments]
    sys.path.insert(0, os.path.dirname(os.path.abspath(options.script)))
    code = 0
    try:
        runpy.run_path(options.script, run_name="__main__")
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    except BaseException as error:  # noqa: BLE001 - shown as Python would, without this package's frames
        show(error)
        code = 1
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"script": options.script, "launches": launches}, file, indent=1)
            file.write("\n")
    if not options.quiet:
        sys.stdout.flush()
        for launch in launches:
            print(_time.page(launch))
    return code


def show(error):
    """The traceback of the script alone."""
    ours = os.path.dirname(os.path.abspath(__file__))
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if not f.filename.startswith(ours) and not f.filename.startswith("<frozen")
    ]
    print("Traceback (most recent call last):", file=sys.stderr)
    print("".join(traceback.format_list(frames)), end="", file=sys.stderr)
    print("".join(traceback.format_exception_only(error)), end="", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
