"""Operations with hand-written gradients: their value in plain torch, their gradient against finite differences."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn import functional

from pwffsim.learning import products

C, T, D, R = 3, 5, 4, 2


def drawn(*shapes, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for shape in shapes]


def low_rank():
    x, w, bias, a, b = drawn((C * T, D), (D, 6), (6,), (C, R, D), (C, 6, R))
    return x, w.detach(), bias.detach(), a, b


def test_low_rank_linear():
    x, w, bias, a, b = low_rank()
    blocks = x.view(C, T, D)
    wanted = blocks @ w + bias + 0.5 * torch.stack([blocks[i] @ a[i].T @ b[i].T for i in range(C)])
    torch.testing.assert_close(products.low_rank_linear(x, w, bias, a, b, 0.5).view(C, T, 6), wanted)
    torch.testing.assert_close(products.low_rank_linear(x, w, None, a, b, 0.5).view(C, T, 6), wanted - bias)
    assert gradcheck(lambda x, a, b: products.low_rank_linear(x, w, bias, a, b, 0.5), (x, a, b))
    assert gradcheck(lambda a, b: products.low_rank_linear(x.detach(), w, None, a, b, 0.5), (a, b))


def test_bottleneck():
    given = drawn((C * T, D), (C, R, D), (C, R), (C, D, R), (C, D))
    x, down, down_bias, up, up_bias = given
    blocks = x.view(C, T, D)
    wanted = torch.stack(
        [blocks[i] + functional.gelu(blocks[i] @ down[i].T + down_bias[i]) @ up[i].T + up_bias[i] for i in range(C)]
    )
    torch.testing.assert_close(products.bottleneck(*given).view(C, T, D), wanted)
    assert gradcheck(products.bottleneck, given)
    assert gradcheck(lambda *rest: products.bottleneck(x.detach(), *rest), given[1:])


def test_attention():
    (qkv,) = drawn((3, 2, 4, 3))
    wanted = functional.scaled_dot_product_attention(*qkv, is_causal=True, scale=0.7)
    torch.testing.assert_close(products.attention(qkv, 0.7), wanted)
    assert gradcheck(lambda qkv: products.attention(qkv, 0.7), qkv)


def test_tanh_gelu():
    (x,) = drawn((40,))
    gelu = products.TanhGelu()
    torch.testing.assert_close(gelu(x), functional.gelu(x, approximate="tanh"))
    assert gradcheck(gelu, x)
    far = torch.tensor([-1e4, -50.0, 0.0, 50.0, 1e4], requires_grad=True)
    gelu(far).sum().backward()
    assert gelu(far).tolist() == [0.0, 0.0, 0.0, 50.0, 1e4]
    assert far.grad.tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]


@pytest.mark.parametrize("name", ["low_rank_linear", "bottleneck", "attention", "gelu"])
def test_half_precision_is_near(name):
    """bf16 has 8 bits: products and sums in fp32, one rounding a result."""
    calls = {
        "low_rank_linear": lambda x, w, bias, a, b: products.low_rank_linear(x, w, bias, a, b, 0.5),
        "bottleneck": products.bottleneck,
        "attention": lambda qkv: products.attention(qkv, 0.7),
        "gelu": products.TanhGelu(),
    }
    shapes = {
        "low_rank_linear": [(C * T, D), (D, 6), (6,), (C, R, D), (C, 6, R)],
        "bottleneck": [(C * T, D), (C, R, D), (C, R), (C, D, R), (C, D)],
        "attention": [(3, 2, 4, 3)],
        "gelu": [(40,)],
    }
    given = drawn(*shapes[name], dtype=torch.float32)
    exact = calls[name](*given)
    into = torch.autograd.grad(exact.square().sum(), given, allow_unused=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = calls[name](*given)
    about = torch.autograd.grad(half.float().square().sum(), given, allow_unused=True)
    torch.testing.assert_close(half.float(), exact, rtol=0.02, atol=0.05)
    for a, b in zip(about, into, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert float((a - b).norm() / b.norm()) < 0.02
