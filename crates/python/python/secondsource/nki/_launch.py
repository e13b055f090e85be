"""Launching kernels: arguments in, cores in turn, results out."""

import dataclasses
import functools
import inspect
import threading

from secondsource import _native

from . import _arrays, _state


class Deadlock(RuntimeError):
    """Cores wait for each other for ever."""


class Baton:
    """Lets one core run at a time, in a fixed order, and switches where a core waits for another."""

    def __init__(self, launch, cores):
        self.launch = launch
        self.cores = cores
        self.go = [threading.Event() for _ in range(cores)]
        self.done = [False] * cores
        self.failed = None

    def run(self, body):
        results = [None] * self.cores

        def worker(core):
            self.go[core].wait()
            try:
                if self.failed is None:
                    self.take(core)
                    results[core] = body(core)
            except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
                if self.failed is None:
                    self.failed = error
            finally:
                self.done[core] = True
                if not self.pass_on(core) and not all(self.done):
                    # Those that are left wait for a core that has ended.
                    stuck = self.done.index(False)
                    self.failed = self.failed or Deadlock(self.why(stuck))
                    self.pass_on(core)

        threads = [threading.Thread(target=worker, args=(core,), daemon=True) for core in range(self.cores)]
        for thread in threads:
            thread.start()
        self.go[0].set()
        for thread in threads:
            thread.join()
        if self.failed is not None:
            raise self.failed
        return results

    def take(self, core):
        self.launch.core = core
        self.launch.program = (core % self.launch.lnc,) if self.launch.lnc > 1 else ()
        _native.set_core(core)

    def pass_on(self, core):
        """Wakes the next core that can run, if any."""
        for step in range(1, self.cores + 1):
            other = (core + step) % self.cores
            if self.done[other]:
                continue
            if self.failed is not None or not _native.waiting(other):
                self.go[other].set()
                return True
        return False

    def why(self, core):
        gone = [c for c in range(self.cores) if self.done[c]]
        words = f"core {core} waits at a barrier, sendrecv or collective"
        return words + (f" that core {gone[0]} never reaches" if gone else ", and so does every other core, each for something else")

    def meet(self):
        """Called by a core after an instruction that may wait for others."""
        core = self.launch.core
        while _native.waiting(core):
            self.go[core].clear()
            if not self.pass_on(core):
                self.failed = Deadlock(self.why(core))
                raise self.failed
            self.go[core].wait()
            if self.failed is not None:
                raise Deadlock("another core failed")
            self.take(core)


def meet():
    launch = _state.current()
    if launch is not None and launch.baton is not None:
        launch.baton.meet()
    elif _native.waiting(0):
        raise Deadlock("a barrier, sendrecv or collective in a kernel that runs on one core; launch it as kernel[2](...)")


class Arguments:
    """Arrays in the arguments of a kernel become device tensors; everything else passes through."""

    def __init__(self, wrap, buffer):
        self.wrap = wrap
        self.buffer = buffer
        self.seen = {}  # id of array -> (array, its values as numpy, tensor, name of the argument)
        self.library = None

    def tensor(self, value, name):
        known = self.seen.get(id(value))
        if known is None:
            if self.library is None:
                self.library = _arrays.kind(value)
            array = _arrays.as_numpy(value)
            known = (value, array, _arrays.to_device(array, self.buffer, name), name)
            self.seen[id(value)] = known
        return self.wrap(known[2])

    def convert(self, value, name=""):
        if _arrays.kind(value) is not None:
            return self.tensor(value, name)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(self.convert(v, name) for v in value))
        if isinstance(value, (list, tuple)):
            return type(value)(self.convert(v, name) for v in value)
        if type(value) is dict:
            return {k: self.convert(v, name) for k, v in value.items()}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self.fields(value, name)
        return value

    def fields(self, value, name):
        changed = {}
        for key, old in vars(value).items():
            new = self.convert(old, name)
            if new is not old:
                changed[key] = new
        if not changed:
            return value
        copy = object.__new__(type(value))
        copy.__dict__.update(value.__dict__)
        copy.__dict__.update(changed)
        return copy

    def write_back(self):
        """What the kernel wrote into its arguments goes into the caller's arrays."""
        written = [known for known in self.seen.values() if known[2]._written]
        for value, _, _, name in written:
            if _arrays.kind(value) == "numpy" and not value.flags.writeable:
                raise ValueError(f"the kernel wrote into its argument `{name}`, which is a read-only numpy array; pass a copy")
        for value, array, tensor, _ in written:
            new = _arrays.to_numpy(tensor).reshape(array.shape)
            if _arrays.kind(value) == "numpy":
                value[...] = new
            elif _arrays.kind(value) == "torch":
                value.detach().copy_(_arrays.from_numpy(new, "torch").reshape(value.shape))


def results(value, library, unwrap):
    """Returned tensors as arrays, in the shape of what was returned."""
    value = unwrap(value)
    if isinstance(value, _native.NkiTensor):
        return _arrays.from_numpy(_arrays.to_numpy(value), library)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(results(v, library, unwrap) for v in value))
    if isinstance(value, (list, tuple)):
        return type(value)(results(v, library, unwrap) for v in value)
    if isinstance(value, dict):
        return {k: results(v, library, unwrap) for k, v in value.items()}
    return value


def same(value):
    return value


def run(function, args, kwargs, *, target, lnc=1, grid=(), seed=0, wrap=same, unwrap=same, observe=None):
    """Runs a kernel once; `observe` sees the launch before its machine is put away."""
    check_cores(function, lnc, target)
    if any(size < 1 for size in grid):
        raise ValueError(f"a launch grid of {tuple(grid)}: every size is at least 1")
    launch = _state.Launch(target, lnc=lnc, grid=grid, seed=seed)
    _state.push(launch)
    try:
        arguments = Arguments(wrap, "shared_hbm" if lnc > 1 else "hbm")
        names = _names(function, args)
        given = [arguments.convert(a, n) for a, n in zip(args, names)]
        named = {k: arguments.convert(v, k) for k, v in kwargs.items()}
        if lnc > 1:
            launch.grid = (lnc,)
            launch.baton = Baton(launch, lnc)
            returned = launch.baton.run(lambda core: function(*given, **named))[0]
        elif grid:
            returned = _programs(launch, grid, lambda: function(*given, **named))
        else:
            _native.set_core(0)
            returned = function(*given, **named)
        out = results(returned, arguments.library or "numpy", unwrap)
        arguments.write_back()
        if observe is not None:
            observe(launch)
        return out
    finally:
        _state.pop()


def check_cores(function, cores, target):
    """A kernel runs on one physical core, or on the two of a logical core, which Trainium 2 brought."""
    most = 1 if target == "trn1" else 2
    if not 1 <= cores <= most:
        name = getattr(function, "__name__", "kernel")
        raise ValueError(f"{name}[{cores}]: a kernel runs on {'1 core' if most == 1 else '1 or 2 cores'} of {target}")


def run_ranks(kernel, arguments, *, target=None, lnc=1, seed=0):
    """Runs a kernel that communicates: one rank for each entry of `arguments`, all in this process.

    An entry is a tuple of arguments, or a dict of named ones. Returns the results of each rank.
    """
    kernel = simulate(kernel)
    lnc = max(lnc, kernel.lnc)
    ranks = len(arguments)
    if ranks == 0:
        raise ValueError("run_ranks takes the arguments of at least one rank")
    target = _state.pick_target(target)
    check_cores(kernel, lnc, target)
    launch = _state.Launch(target, lnc=lnc, ranks=ranks, grid=(lnc,) if lnc > 1 else (), seed=seed)
    _state.push(launch)
    try:
        given = []
        for rank, entry in enumerate(arguments):
            launch.core = rank * lnc
            _native.set_core(rank * lnc)
            one = Arguments(kernel.wrap, "shared_hbm" if lnc > 1 else "hbm")
            args, kwargs = ((), entry) if isinstance(entry, dict) else (entry, {})
            names = _names(kernel.func, args)
            args = [one.convert(a, n) for a, n in zip(args, names)]
            given.append((one, args, {k: one.convert(v, k) for k, v in kwargs.items()}))
        launch.baton = Baton(launch, ranks * lnc)
        returned = launch.baton.run(lambda core: kernel.func(*given[core // lnc][1], **given[core // lnc][2]))
        outs = []
        for rank in range(ranks):
            outs.append(results(returned[rank * lnc], given[rank][0].library or "numpy", kernel.unwrap))
            given[rank][0].write_back()
        if observer is not None:
            observer(launch, kernel.__name__)
        return outs
    finally:
        _state.pop()


def profile(kernel, target="trn2"):
    """A callable that runs the kernel on `target` and returns (outputs, report)."""
    inner = simulate(kernel)
    chip = _state.chip(target)

    def profiled(*args, **kwargs):
        from . import _time

        reports = []
        before, _state.override = _state.override, chip
        try:
            out = inner.launch(args, kwargs, observe=lambda launch: reports.append(_time.summary(launch, inner.__name__)))
        finally:
            _state.override = before
        return out, reports[0]

    return profiled


def _programs(launch, grid, body):
    """Beta 1 SPMD: every place of the grid, one after the other."""
    import itertools

    returned = None
    for number, program in enumerate(itertools.product(*(range(n) for n in grid))):
        launch.program = program
        launch.counts = {}
        value = body()
        returned = value if number == 0 else returned
    return returned


def _names(function, args):
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        names = []
    return names + [""] * max(0, len(args) - len(names))


class Kernel:
    """A function that runs on the emulated machine: `kernel(...)`, `kernel[2](...)`."""

    beta = 2

    def __init__(self, function, *, lnc=1, grid=(), **options):
        self.func = function
        self.lnc = lnc
        self.grid = grid
        self.options = options
        functools.update_wrapper(self, function)

    def __getitem__(self, grid):
        sizes = grid if isinstance(grid, tuple) else (grid,)
        sizes = tuple(int(getattr(s, "size", s)) for s in sizes)
        return self.launched(sizes)

    def launched(self, sizes):
        total = 1
        for size in sizes:
            total *= size
        return type(self)(self.func, lnc=total, grid=(), **self.options)

    def __call__(self, *args, **kwargs):
        if _state.current() is not None:
            # A kernel called by a kernel is a function of it.
            return self.func(*args, **kwargs)
        return self.launch(args, kwargs)

    def launch(self, args, kwargs, observe=None):
        target = _state.pick_target(self.options.get("platform_target"))

        def watch(launch):
            if observe is not None:
                observe(launch)
            if observer is not None:
                observer(launch, self.__name__)

        return run(
            self.func,
            args,
            kwargs,
            target=target,
            lnc=self.lnc,
            grid=self.grid,
            seed=self.options.get("seed", 0),
            wrap=self.wrap,
            unwrap=self.unwrap,
            observe=watch,
        )

    @staticmethod
    def wrap(tensor):
        return tensor

    @staticmethod
    def unwrap(value):
        return value

    def __get__(self, instance, owner=None):
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self):
        return f"<NKI kernel {self.__name__}>"


observer = None  # set by the command line to look at every launch: a function of (launch, kernel name)


def predicted_us(launch):
    """Predicted time of a launch in microseconds."""
    from . import _time

    return _time.summary(launch, "")["time_us"]


def jit(function=None, **options):
    """Decorator of kernels; options of the vendor's compiler are accepted and have no effect here."""
    if function is None:
        return lambda f: jit(f, **options)
    if isinstance(function, Kernel):
        return function
    return Kernel(function, **options)


def simulate(kernel):
    """A callable that runs the kernel here."""
    return kernel if isinstance(kernel, Kernel) else Kernel(kernel)
