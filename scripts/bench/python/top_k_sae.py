"""A dense top-k sparse autoencoder in plain PyTorch, written from Gao et al. 2024 (arXiv 2406.04093, sections 2.1 and A.2)."""

import torch


class TopKSae:
    """Weights, and one training step: FVU of the batch, Adam, decoder rows of unit norm, gradients clipped at norm 1."""

    def __init__(self, d_in, d_sae, k, learning_rate, b_dec=None):
        w_dec = torch.nn.functional.normalize(torch.randn(d_sae, d_in), dim=1)
        b_dec = torch.zeros(d_in) if b_dec is None else b_dec
        self.k = k
        self.parameters = [w_dec.T.clone(), torch.zeros(d_sae), w_dec, b_dec]
        for parameter in self.parameters:
            parameter.requires_grad_(True)
        self.w_enc, self.b_enc, self.w_dec, self.b_dec = self.parameters
        self.adam = torch.optim.Adam(self.parameters, lr=learning_rate)

    def reconstruct(self, x):
        pre = torch.relu((x - self.b_dec) @ self.w_enc + self.b_enc)
        top = pre.topk(self.k, dim=1)
        f = torch.zeros_like(pre).scatter(1, top.indices, top.values)
        return f @ self.w_dec + self.b_dec

    def fvu(self, x):
        """Squared errors over squared distances from the mean of x, [tokens, d_in]."""
        return ((self.reconstruct(x) - x) ** 2).sum() / ((x - x.mean(0)) ** 2).sum()

    def step(self, x, learning_rate=None):
        if learning_rate is not None:
            for group in self.adam.param_groups:
                group["lr"] = learning_rate
        loss = self.fvu(x)
        self.adam.zero_grad()
        loss.backward()
        with torch.no_grad():
            along = (self.w_dec.grad * self.w_dec).sum(1, keepdim=True)
            self.w_dec.grad -= along * self.w_dec
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.adam.step()
        with torch.no_grad():
            self.w_dec /= self.w_dec.norm(dim=1, keepdim=True)
        return loss.item()
