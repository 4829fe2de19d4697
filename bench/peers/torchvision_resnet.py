"""The figures of src/train/fuse/resnet_test.cc, from torchvision's own ResNet.

Usage: torchvision_resnet.py (needs torch and torchvision). Networks of a sixteenth of the width with
parameters and images from a formula, in double precision: what the test computes, one line each.
"""
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import resnet


class Narrow(resnet.ResNet):
    """torchvision's ResNet with four channels to begin with, and the stem for small images on demand."""

    def __init__(self, block, layers, classes, cifar):
        super().__init__(block, layers, num_classes=classes)
        self.conv1 = nn.Conv2d(3, 4, 3, 1, 1, bias=False) if cifar else nn.Conv2d(3, 4, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.fc = nn.Linear(32 * block.expansion, classes)
        if cifar:
            self.maxpool = nn.Identity()

    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        if planes == 64:
            self.inplanes = 4
        return super()._make_layer(block, planes // 16, blocks, stride, dilate)


def fill(model):
    with torch.no_grad():
        for number, (name, parameter) in enumerate(model.named_parameters()):
            wave = torch.sin(torch.arange(parameter.numel(), dtype=torch.float64) * 0.7 + number).view_as(parameter)
            is_gain = name.endswith("weight") and parameter.dim() == 1
            parameter.copy_(wave * 0.2 + (1 if is_gain else 0))


def images(edge):
    numbers = torch.arange(6 * 3 * edge * edge, dtype=torch.float64)
    return torch.sin(numbers * numbers % 97).view(6, 3, edge, edge)


def figures(block, layers, cifar, edge):
    model = Narrow(block, layers, 4, cifar).double()
    fill(model)
    x, labels = images(edge), torch.arange(6) % 4
    loss = F.cross_entropy(model(x), labels)
    loss.backward()
    gradients = [model.get_parameter(name).grad.abs().sum().item()
                 for name in ("conv1.weight", "layer4.0.downsample.0.weight", "fc.weight")]
    model.eval()
    with torch.no_grad():
        evaluated = F.cross_entropy(model(x), labels).item()
    return loss.item(), *gradients, evaluated


if __name__ == "__main__":
    for name, block, layers in (("resnet18", resnet.BasicBlock, [2, 2, 2, 2]),
                                ("resnet50", resnet.Bottleneck, [3, 4, 6, 3])):
        for stem, edge in (("cifar", 16), ("imagenet", 40)):
            print(name, stem, edge, *(f"{figure:.12g}" for figure in figures(block, layers, stem == "cifar", edge)))
