"""Convolution and attention blocks."""

import torch
from torch import nn


class ConvBlock(nn.Module):
    def __init__(self, inner, outer, padding=1):
        super().__init__()
        self.conv = nn.Conv2d(inner, outer, 3, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(outer)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first = ConvBlock(channels, channels)
        self.second = ConvBlock(
            channels,
            channels,
            padding=1,
        )

    def forward(self, x):
        return x + self.second(self.first(x))


class Attention(nn.Module):
    """Over as many positions as there are channels, so that a missing transpose keeps the shape."""

    def __init__(self, channels):
        super().__init__()
        self.query = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x):
        batch, channels, height, width = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        query = self.query(tokens)
        scores = query @ tokens.transpose(1, 2) / channels
        weights = scores.softmax(dim=-1)
        mixed = weights @ self.value(tokens)
        result = self.out(torch.cat([mixed[:, :1], mixed[:, 1:]], dim=1))
        return result.transpose(1, 2).reshape(batch, channels, height, width)
