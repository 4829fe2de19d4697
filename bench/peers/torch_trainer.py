"""Training steps of the built-in models in eager PyTorch, on request: bench/trainer.py's other side.

Reads one JSON object per line and answers each with one: {"model", "batch", "channels", "size"} builds the model in
every memory format and with every optimizer, {"variant", "steps"} trains that many steps with the one of that number
and answers with the processor and wall seconds that they took.
"""
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional

CLASSES = 10


class Net(nn.Module):
    def __init__(self, channels, size):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(channels, 6, 5), nn.Conv2d(6, 16, 5)
        edge = ((size - 4) // 2 - 4) // 2
        self.fc1, self.fc2, self.fc3 = nn.Linear(16 * edge * edge, 120), nn.Linear(120, 84), nn.Linear(84, CLASSES)

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.conv1(x)), 2)
        x = functional.max_pool2d(functional.relu(self.conv2(x)), 2)
        x = functional.relu(self.fc1(torch.flatten(x, 1)))
        return self.fc3(functional.relu(self.fc2(x)))


def mlp(channels, size):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * size * size, 128), nn.ReLU(inplace=True),
                         nn.Linear(128, 128), nn.ReLU(inplace=True), nn.Linear(128, CLASSES))


def cnn(channels, size):
    layers = []
    for out in (16, 32, 64):
        layers += [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True),
                   nn.MaxPool2d(2)]
        channels, size = out, size // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * size * size, 128), nn.ReLU(inplace=True),
                         nn.Linear(128, CLASSES))


def conv(before, after, kernel, stride=1):
    return nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)


class Block(nn.Module):
    """Basic (two convolutions) or bottleneck (three), as torchvision's."""

    def __init__(self, before, channels, stride, expansion):
        super().__init__()
        after = channels * expansion
        shapes = ([(before, channels, 3, stride), (channels, after, 3, 1)] if expansion == 1 else
                  [(before, channels, 1, 1), (channels, channels, 3, stride), (channels, after, 1, 1)])
        body = []
        for shape in shapes:
            body += [conv(*shape), nn.BatchNorm2d(shape[1]), nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*body[:-1])
        self.shortcut = (nn.Sequential(conv(before, after, 1, stride), nn.BatchNorm2d(after))
                         if stride != 1 or before != after else nn.Identity())
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.body(x)
        out += self.shortcut(x)
        return self.relu(out)


def resnet(blocks, expansion):
    def build(channels, size):
        layers = [conv(channels, 64, 3), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
        before = 64
        for stage, count in enumerate(blocks):
            for block in range(count):
                layers.append(Block(before, 64 << stage, 2 if stage and not block else 1, expansion))
                before = (64 << stage) * expansion
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, CLASSES))
    return build


MODELS = {"net": Net, "mlp": mlp, "cnn": cnn, "resnet18": resnet((2, 2, 2, 2), 1), "resnet50": resnet((3, 4, 6, 3), 4)}


class Training:
    def __init__(self, request, memory_format, optimizer):
        torch.manual_seed(1)
        shape = (request["batch"], request["channels"], request["size"], request["size"])
        self.model = MODELS[request["model"]](*shape[1:3]).to(memory_format=memory_format)
        self.inputs = torch.randn(shape).contiguous(memory_format=memory_format)
        self.targets = torch.randint(0, CLASSES, shape[:1])
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-3, momentum=0.9, **optimizer)
        self.loss = 0.0

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(self.model(self.inputs), self.targets)
        loss.backward()
        self.optimizer.step()
        self.loss += loss.item()


def main():
    torch.set_num_threads(1)
    variants = []
    for line in sys.stdin:
        request = json.loads(line)
        if "model" in request:
            variants = [Training(request, memory_format, optimizer)
                        for memory_format in (torch.contiguous_format, torch.channels_last)
                        for optimizer in ({"foreach": True}, {"fused": True})]
            answer = {"variants": ["contiguous foreach", "contiguous fused", "channels-last foreach", "channels-last fused"]}
        else:
            training = variants[request["variant"]]
            wall, start = time.perf_counter(), time.thread_time()
            for _ in range(request["steps"]):
                training.step()
            answer = {"cpu": time.thread_time() - start, "wall": time.perf_counter() - wall}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
