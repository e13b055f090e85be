"""`python -m secondsource.nki SCRIPT.py --target trn2`: runs a script that uses the vendor's names, unmodified."""

import argparse
import json
import os
import runpy
import sys
import traceback

from secondsource import _native

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
    sdk = "release of the Neuron SDK whose rules hold where releases differ: quantize_mx up to 2.30 (default 2.32)"
    parser.add_argument("--sdk", metavar="VERSION", help=sdk)
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
    if options.sdk:
        try:
            options.sdk = _state.release(options.sdk)
        except ValueError as error:
            parser.error(str(error))
    if not os.path.isfile(options.script):
        parser.error(f"{options.script} is no file")
    for option in ("trace", "json"):
        path = getattr(options, option)
        if path:
            # The script may change its directory.
            setattr(options, option, os.path.abspath(path))
            try:
                check_writable(path)
            except OSError as error:
                parser.error(f"--{option} {path}: {error.strerror}")
    return options


def check_writable(path):
    """Fails now rather than after the script has run; a file that stands there keeps what it holds until then."""
    new = not os.path.exists(path)
    open(path, "a").close()
    if new:
        os.remove(path)


def main(argv=None):
    options = parse(sys.argv[1:] if argv is None else argv)
    if options.target:
        _state.override = options.target
    if options.sdk:
        _state.sdk_override = options.sdk
    os.environ.setdefault("NKI_SIMULATOR", "1")
    _alias.install()
    launches, traces = [], []

    def observe(launch, name):
        launches.append(_time.summary(launch, name))
        if options.trace:
            traces[:] = [_native.perfetto()]

    _launch.observer = observe
    sys.argv = [options.script, *options.arguments]
    sys.path.insert(0, os.path.dirname(os.path.abspath(options.script)))
    code = 0
    try:
        runpy.run_path(options.script, run_name="__main__")
    except SystemExit as stop:
        code = stop.code
        if code is None:
            code = 0
        elif not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except BaseException as error:  # noqa: BLE001 - shown as Python would, without this package's frames
        show(error)
        code = 1
    if not options.quiet:
        sys.stdout.flush()
        for launch in launches:
            print(_time.page(launch))
        sys.stdout.flush()
    try:
        if options.json:
            with open(options.json, "w") as file:
                json.dump({"script": options.script, "launches": launches}, file, indent=1)
                file.write("\n")
        if traces:
            with open(options.trace, "w") as file:
                file.write(traces[0])
    except OSError as error:
        print(f"{error.filename or options.trace}: {error.strerror}", file=sys.stderr)
        code = code or 1
    if options.trace and not traces:
        print(f"{options.trace} is not written: no kernel was launched", file=sys.stderr)
    return code


def show(error):
    """The traceback of the script alone, with the errors that led to this one."""
    whole = traceback.TracebackException.from_exception(error)
    without_our_frames(whole)
    print("".join(whole.format()), end="", file=sys.stderr)


def without_our_frames(shown):
    ours = os.path.dirname(os.path.abspath(__file__))
    theirs = [f for f in shown.stack if not f.filename.startswith(ours) and not f.filename.startswith("<frozen")]
    shown.stack = traceback.StackSummary.from_list(theirs)
    for earlier in (shown.__cause__, shown.__context__, *(getattr(shown, "exceptions", None) or ())):
        if earlier is not None:
            without_our_frames(earlier)


if __name__ == "__main__":
    sys.exit(main())
