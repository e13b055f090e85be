"""`nki.collectives`: communication between the ranks of one process."""

from dataclasses import dataclass, field

from secondsource import _native
from secondsource._native import MemoryRegion

from . import _launch, _state


@dataclass
class ReplicaGroup:
    """Lists of ranks that communicate with each other."""

    groups: list = field(default_factory=list)

    def __init__(self, groups=None):
        self.groups = [list(g) for g in (groups or [])]


def _groups(group):
    if group is None:
        return []
    lists = getattr(group, "groups", group)
    return [list(g) for g in lists]


def _issue(kind, srcs, dsts, group, op=None, dim=0, pairs=(), metadata=None):
    srcs = list(srcs) if isinstance(srcs, (list, tuple)) else [srcs]
    dsts = list(dsts) if isinstance(dsts, (list, tuple)) else [dsts]
    issued = _native.collective(kind, srcs, dsts, _groups(group), [tuple(p) for p in pairs], op, dim, metadata)
    _launch.meet()
    return issued


def all_reduce(srcs, dsts, replica_group, op, priority=None, name=None):
    return _issue("all_reduce", srcs, dsts, replica_group, op)


def all_gather(srcs, dsts, replica_group, collective_dim=0, priority=None, name=None):
    return _issue("all_gather", srcs, dsts, replica_group, None, collective_dim)


def reduce_scatter(srcs, dsts, replica_group, collective_dim=0, op=None, priority=None, name=None):
    return _issue("reduce_scatter", srcs, dsts, replica_group, op, collective_dim)


def all_to_all(srcs, dsts, replica_group, collective_dim=0, priority=None, name=None):
    return _issue("all_to_all", srcs, dsts, replica_group, None, collective_dim)


def all_gather_v(srcs, dsts, replica_group, metadata_tensor, recv_counts_known=False, has_rdispls=False, priority=None, name=None):
    return _issue("all_gather_v", srcs, dsts, replica_group, metadata=(metadata_tensor, bool(recv_counts_known), bool(has_rdispls)))


def all_to_all_v(srcs, dsts, replica_group, metadata_tensor, recv_counts_known=False, has_rdispls=False, priority=None, name=None):
    return _issue("all_to_all_v", srcs, dsts, replica_group, metadata=(metadata_tensor, bool(recv_counts_known), bool(has_rdispls)))


def collective_permute(srcs, dsts, source_target_pairs, priority=None, name=None):
    for tensor in [*srcs, *dsts]:
        if tensor.buffer != MemoryRegion.hbm:
            raise ValueError("collective_permute takes tensors in HBM; collective_permute_implicit takes SBUF too")
    return _issue("permute", srcs, dsts, None, pairs=source_target_pairs)


def _ring(group, rank):
    for ranks in _groups(group) or [list(range(_state.current().ranks))]:
        if rank in ranks:
            return ranks
    return [rank]


def collective_permute_implicit(srcs_by_channel, dsts_by_channel, replica_group, channel_ids=(0,), priority=None, name=None):
    return _issue("permute", _flat(srcs_by_channel), _flat(dsts_by_channel), replica_group, pairs=_successors(replica_group))


def collective_permute_implicit_reduce(
    srcs0_by_channel, srcs1_by_channel, dsts_by_channel, replica_group, op, channel_ids=(0,), priority=None, name=None
):
    srcs = _flat(srcs0_by_channel) + _flat(srcs1_by_channel)
    return _issue("permute_reduce", srcs, _flat(dsts_by_channel), replica_group, op, pairs=_successors(replica_group))


def _flat(by_channel):
    return [tensor for channel in by_channel for tensor in channel]


def _successors(group):
    """Each rank of the ring to the next one."""
    ranks = _ring(group, rank_id())
    return [(rank, ranks[(place + 1) % len(ranks)]) for place, rank in enumerate(ranks)]


def collective_permute_implicit_current_processing_rank_id(iteration_id, replica_group, channel_id=0, name=None):
    """Whose data the ring brings in this iteration."""
    ranks = _ring(replica_group, rank_id())
    place = ranks.index(rank_id())
    return ranks[(place - iteration_id) % len(ranks)]


def rank_id(name=None):
    launch = _state.current()
    return launch.rank if launch is not None else 0
