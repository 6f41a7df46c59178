"""Operations of the training step with hand-written gradients: fewer passes over memory, products in the layout that
is quick, sums in place.

Rows are client-major: C blocks of T. Under autocast the products are in its type, as torch's own are.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_A, _B = 2 * (2 / torch.pi) ** 0.5, 0.044715 * 2 * (2 / torch.pi) ** 0.5


def working(tensor: Tensor) -> Tensor:
    """In the type of products here: autocast's within autocast."""
    kind = tensor.device.type
    return tensor.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else tensor


def low_rank_linear(x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float) -> Tensor:
    """x W + bias + scale x A_c^T B_c^T for rows (C T, in): W (in, out) frozen, A (C, r, in), B (C, out, r)."""
    bias = None if bias is None else working(bias)
    return _LowRankLinear.apply(working(x), working(weight), bias, working(a), working(b), scale)


def bottleneck(x: Tensor, down: Tensor, down_bias: Tensor, up: Tensor, up_bias: Tensor) -> Tensor:
    """x + U_c gelu(D_c x + d_c) + u_c for rows (C T, d): D (C, b, d), d (C, b), U (C, d, b), u (C, d)."""
    return _Bottleneck.apply(x, *map(working, (x, down, down_bias, up, up_bias)))


def settled_low_rank_linear(x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor) -> Tensor:
    """x W + bias + x A_c B_c without gradients: A (C, in, r), and B (C, r, out) with the scale in it."""
    y = x @ weight if bias is None else torch.addmm(bias, x, weight)
    low = torch.bmm(x.view(len(a), -1, x.shape[1]), a)
    y.view(len(a), -1, y.shape[1]).baddbmm_(low, b)
    return y


def settled_bottleneck(x: Tensor, down: Tensor, down_bias: Tensor, up: Tensor, up_bias: Tensor) -> Tensor:
    """x + gelu(x D_c + d_c) U_c + u_c without gradients: D (C, d, b), d (C, 1, b), U (C, b, d), u (C, 1, d)."""
    inner = torch.baddbmm(down_bias, x.view(len(down), -1, x.shape[1]), down)
    return torch.baddbmm(up_bias, nn.functional.gelu(inner), up).view(x.shape).add_(x)


def attention(qkv: Tensor, scale: float, hidden: Tensor | None = None) -> Tensor:
    """softmax(scale q k^T + causal mask) v: (3, sequences, length, d) -> (sequences, length, d).

    Args:
        qkv: queries, keys and values.
        scale: of the scores.
        hidden: (length, length), which keys a query does not see besides the later ones; None for none.
    """
    return _Attention.apply(working(qkv), scale, hidden)


def _wide(tensor: Tensor) -> Tensor:
    """Half precision as fp32."""
    return tensor.float() if tensor.itemsize < 4 else tensor


class TanhGelu(nn.Module):
    """GELU's tanh form, x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) = x sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3))."""

    def forward(self, x: Tensor) -> Tensor:
        """Elementwise."""
        return _TanhGelu.apply(x)


class _LowRankLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float
    ) -> Tensor:
        blocks = x.view(len(a), -1, x.shape[1])
        low = torch.bmm(blocks, a.mT)
        y = x @ weight if bias is None else torch.addmm(bias, x, weight)
        y.view(len(a), -1, y.shape[1]).baddbmm_(low, b.mT, alpha=scale)
        context.save_for_backward(blocks, low, weight, a, b)
        context.scale = scale
        return y

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Any:
        x, low, weight, a, b = context.saved_tensors
        scale, blocks = context.scale, gradient.reshape(len(a), -1, gradient.shape[1])
        into_low = torch.bmm(blocks, b).mul_(scale)
        into_b = torch.bmm(low.mT, blocks).mul_(scale).mT
        into_a = torch.bmm(into_low.mT, x)
        into_x = None
        if context.needs_input_grad[0]:
            into_x = gradient @ weight.t()
            into_x.view(x.shape).baddbmm_(into_low, a)
        return into_x, None, None, into_a, into_b, None


class _Bottleneck(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, kept: Tensor, x: Tensor, down: Tensor, down_bias: Tensor, up: Tensor, up_bias: Tensor
    ) -> Tensor:
        blocks = x.view(len(down), -1, x.shape[1])
        inner = torch.baddbmm(down_bias[:, None], blocks, down.mT)
        active = nn.functional.gelu(inner)
        change = torch.baddbmm(up_bias[:, None], active, up.mT).view(x.shape)
        context.save_for_backward(blocks, inner, active, down, up)
        return change.add_(kept) if change.dtype == kept.dtype else change + kept

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Any:
        x, inner, active, down, up = context.saved_tensors
        blocks = gradient.to(x.dtype).reshape(x.shape)
        into_up = torch.bmm(active.mT, blocks).mT
        into_inner = torch.ops.aten.gelu_backward(torch.bmm(blocks, up), inner)
        into_down = torch.bmm(into_inner.mT, x)
        into_x = None
        if context.needs_input_grad[1]:
            into_x = torch.bmm(into_inner, down).view(gradient.shape)
        return gradient, into_x, into_down, into_inner.sum(1), into_up, blocks.sum(1)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, qkv: Tensor, scale: float, hidden: Tensor | None) -> Tensor:
        q, k, v = qkv
        mask = torch.full((q.shape[1],) * 2, float("-inf"), dtype=q.dtype, device=q.device).triu(1)
        if hidden is not None:
            mask.masked_fill_(hidden, float("-inf"))
        scores = torch.baddbmm(mask, q, k.mT, alpha=scale)
        weights = torch.softmax(_wide(scores), -1).to(q.dtype)
        context.save_for_backward(qkv, weights)
        context.scale = scale
        return torch.bmm(weights, v)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Any:
        qkv, weights = context.saved_tensors
        (q, k, v), into = qkv, torch.empty_like(qkv)
        torch.bmm(weights.mT, gradient, out=into[2])
        wanted = torch.bmm(gradient, v.mT)
        scores = torch._softmax_backward_data(wanted, weights, -1, weights.dtype).mul_(context.scale)
        torch.bmm(scores, k, out=into[0])
        torch.bmm(scores.mT, q, out=into[1])
        return into, None, None


class _TanhGelu(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, given: Tensor) -> Tensor:
        x = _wide(given)
        gate = torch.addcmul(x.new_tensor(_A), x, x, value=_B).mul_(x).sigmoid_()
        context.save_for_backward(given, gate.to(given.dtype))
        return gate.mul_(x).to(given.dtype) if x is not given else gate * x

    @staticmethod
    def backward(context: Any, into: Tensor) -> Tensor:
        x, gate, gradient = map(_wide, (*context.saved_tensors, into))
        slope = torch.addcmul(x.new_tensor(_A), x, x, value=3 * _B)
        slope.mul_(torch.ops.aten.sigmoid_backward(gradient * x, gate))
        return slope.addcmul_(gradient, gate).to(into.dtype)
