"""What tells whether alignment is sound: statistics of PPO's targets over each client's own tokens, pure functions.

Tokens (N,) belong to clients by ``owners`` (N,); a statistic that does not exist is None. Sums are in fp64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

Columns = Sequence[float | None]
"""A value a client, (C,)."""


def of_targets(
    returns: Mapping[str, Tensor], values: Mapping[str, Tensor], owners: Tensor, clients: int
) -> list[dict[str, float]]:
    """Of each client: explained_variance_{objective}, and objective_conflict where there are two objectives; what does
    not exist is absent.

    Args:
        returns, values: objective -> (N,), what a critic shall learn and what it said before.
        owners: (N,), whose a token is.
        clients: C.
    """
    columns = {f"explained_variance_{o}": explained_variance(r, values[o], owners, clients) for o, r in returns.items()}
    advantages = [own - values[o] for o, own in returns.items()]
    explained, conflict = _rows(columns, clients), conflicts(advantages, owners, clients)
    return [{**a, **b} for a, b in zip(explained, conflict, strict=True)]


def conflicts(advantages: Sequence[Tensor], owners: Tensor, clients: int) -> list[dict[str, float]]:
    """Of each client: objective_conflict, the correlation of two objectives' advantages (N,) over tokens; nothing where
    there is but one objective, or an advantage is constant."""
    if len(advantages) < 2:
        return [{} for _ in range(clients)]
    one, other = advantages
    return _rows({"objective_conflict": correlation(one, other, owners, clients)}, clients)


def _rows(columns: Mapping[str, Columns], clients: int) -> list[dict[str, float]]:
    """Of each client, what exists."""
    return [
        {name: value for name, column in columns.items() if (value := column[i]) is not None} for i in range(clients)
    ]


def explained_variance(returns: Tensor, values: Tensor, owners: Tensor, clients: int) -> Columns:
    """``1 - Var(returns - values) / Var(returns)``: 1 of a perfect critic, 0 of a constant one, negative of one that is
    worse than none; it does not exist where all returns are equal."""
    unexplained = _covariance(returns - values, returns - values, owners, clients)
    total = _covariance(returns, returns, owners, clients)
    return _where(total > 0, 1 - unexplained / total)


def correlation(one: Tensor, other: Tensor, owners: Tensor, clients: int) -> Columns:
    """Pearson's coefficient: -1 where what one objective praises the other blames; it does not exist where one of them
    is constant."""
    product = _covariance(one, one, owners, clients) * _covariance(other, other, owners, clients)
    return _where(product > 0, _covariance(one, other, owners, clients) / product.sqrt())


def _covariance(one: Tensor, other: Tensor, owners: Tensor, clients: int) -> Tensor:
    """(C,), of population."""
    centred = [_centred(column.double(), owners, clients) for column in (one, other)]
    return _means(centred[0] * centred[1], owners, clients)


def _centred(column: Tensor, owners: Tensor, clients: int) -> Tensor:
    return column - _means(column, owners, clients)[owners]


def _means(column: Tensor, owners: Tensor, clients: int) -> Tensor:
    sums = column.new_zeros(clients).index_add(0, owners, column)
    return sums / owners.bincount(minlength=clients)


def _where(exists: Tensor, column: Tensor) -> Columns:
    """None where a value does not exist, or rests on what is no number."""
    return [value if there else None for there, value in zip(exists.tolist(), column.tolist(), strict=True)]


def k3(log_ratio: Tensor) -> Tensor:
    """``rho - 1 - log rho`` of each token, rho = pi / pi_old: never negative, and without bias for KL(pi_old || pi)
    where tokens were drawn from pi_old (Schulman 2020, "Approximating KL divergence")."""
    return log_ratio.expm1() - log_ratio
