// The well-known tuning tutorial for PyTorch, step by step in C++: a CNN on CIFAR-10 whose two
// hidden layers, learning rate and batch size are tuned with ASHA; trials save and resume
// checkpoints; the best model is tested on images that no trial has seen. The numbers of the steps
// are the tutorial's.
//
//   cifar10_tutorial            the real data (once: clavier data cifar10)
//   cifar10_tutorial --smoke    two trials on synthetic images, in seconds
//
// The network is LibTorch's own, to show how any C++ training code is tuned; `model = "net"` in a
// study file trains the same one several times faster.

// 1. Imports
#include <torch/cuda.h>
#include <torch/nn.h>
#include <torch/optim/sgd.h>
#include <torch/serialize.h>

#include <clavier/clavier.h>
#include <clavier/train/data/dataset.h>

#include <cstdio>
#include <string_view>

namespace {

// 2. Load and prepare CIFAR-10: numbers with the data set's mean and deviation taken out. Training
// and validation images are split 80/20 by the loader, the same way in every trial.
struct Images {
  torch::Tensor inputs;
  torch::Tensor labels;
};

struct Data {
  Images train, validation, test;
};

Images normalised(const clavier::train::data::Dataset& set,
                  const clavier::train::data::Split& split) {
  const auto& bytes = std::get<std::vector<std::uint8_t>>(split.inputs);
  const auto inputs = torch::from_blob(const_cast<std::uint8_t*>(bytes.data()),
                                       {split.count, 3, 32, 32}, torch::kByte);
  const auto mean = torch::tensor(set.mean).view({1, 3, 1, 1});
  const auto deviation = torch::tensor(set.deviation).view({1, 3, 1, 1});
  return {(inputs.to(torch::kFloat) * set.scale - mean) / deviation,
          torch::tensor(split.labels, torch::kLong)};
}

// 3. Synthetic data of the same shape for quick tests: the loader's `smoke`.
Data load_data(bool smoke_test) {
  const auto set = clavier::train::data::load_dataset(
      {.source = "cifar10", .validation = 0.2, .smoke = smoke_test},
      clavier::train::data::default_data_dir());
  if (!set.ok()) throw std::runtime_error(set.error().message);
  return {normalised(*set, set->train), normalised(*set, set->validation),
          normalised(*set, set->test)};
}

// 4. The model
struct NetImpl : torch::nn::Module {
  NetImpl(std::int64_t l1, std::int64_t l2)
      : conv1(register_module("conv1", torch::nn::Conv2d(3, 6, 5))),
        conv2(register_module("conv2", torch::nn::Conv2d(6, 16, 5))),
        fc1(register_module("fc1", torch::nn::Linear(16 * 5 * 5, l1))),
        fc2(register_module("fc2", torch::nn::Linear(l1, l2))),
        fc3(register_module("fc3", torch::nn::Linear(l2, 10))) {}

  torch::Tensor forward(torch::Tensor x) {
    x = torch::max_pool2d(torch::relu(conv1(x)), 2, 2);
    x = torch::max_pool2d(torch::relu(conv2(x)), 2, 2);
    x = x.flatten(1);
    x = torch::relu(fc1(x));
    x = torch::relu(fc2(x));
    return fc3(x);
  }

  torch::nn::Conv2d conv1, conv2;
  torch::nn::Linear fc1, fc2, fc3;
};
TORCH_MODULE(Net);

/// A number of the trial's configuration.
double number(const clavier::Config& config, std::string_view name) {
  return *config.find(name)->number();
}

Net make_net(const clavier::Config& config) {
  return Net(static_cast<std::int64_t>(number(config, "l1")),
             static_cast<std::int64_t>(number(config, "l2")));
}

torch::Device device_of(const clavier::Config& config) {
  return torch::Device(*config.find("device")->as<std::string>());
}

/// Mean loss and accuracy without gradients.
std::pair<double, double> evaluate(Net& net, const Images& images, torch::Device device) {
  const torch::NoGradGuard no_gradients;
  net->eval();
  double loss = 0, correct = 0;
  constexpr std::int64_t kBatch = 256;
  for (std::int64_t first = 0; first < images.labels.size(0); first += kBatch) {
    const std::int64_t count = std::min(kBatch, images.labels.size(0) - first);
    const auto labels = images.labels.narrow(0, first, count).to(device);
    const auto outputs = net(images.inputs.narrow(0, first, count).to(device));
    loss += torch::nn::functional::cross_entropy(outputs, labels).item<double>() *
            static_cast<double>(count);
    correct += outputs.argmax(1).eq(labels).sum().item<double>();
  }
  const auto samples = static_cast<double>(images.labels.size(0));
  return {loss / samples, correct / samples};
}

// 5. The training function
void train_cifar(clavier::TrialContext& trial) {
  at::set_num_threads(1);  // Trials run side by side: one core each.
  const clavier::Config& config = trial.config();
  const torch::Device device = device_of(config);
  torch::manual_seed(static_cast<std::uint64_t>(trial.trial().value));

  Net net = make_net(config);
  net->to(device);
  torch::optim::SGD optimizer(
      net->parameters(),
      torch::optim::SGDOptions(number(config, "lr")).momentum(0.9).weight_decay(5e-5));

  // Resume from a checkpoint, if there is one.
  if (const auto checkpoint = trial.checkpoint()) {
    torch::load(net, (*checkpoint / "model.pt").string());
    torch::load(optimizer, (*checkpoint / "optimizer.pt").string());
  }

  // A warm worker takes trial after trial and reads the images once.
  static const Data data = load_data(number(config, "smoke_test") != 0);
  const auto batch_size = static_cast<std::int64_t>(number(config, "batch_size"));
  const auto max_num_epochs = static_cast<clavier::Steps>(number(config, "max_num_epochs"));

  for (clavier::Steps epoch = trial.step(); epoch < max_num_epochs; ++epoch) {
    net->train();
    for (const auto& rows : torch::randperm(data.train.labels.size(0)).split(batch_size)) {
      const auto inputs = data.train.inputs.index_select(0, rows).to(device);
      const auto labels = data.train.labels.index_select(0, rows).to(device);
      optimizer.zero_grad();
      torch::nn::functional::cross_entropy(net(inputs), labels).backward();
      optimizer.step();
    }
    const auto [loss, accuracy] = evaluate(net, data.validation, device);

    // Report, with a way to save a checkpoint should the study want one.
    const auto verdict =
        trial.report({{"loss", loss}, {"accuracy", accuracy}}, epoch + 1,
                     [&](const std::filesystem::path& directory) {
                       torch::save(net, (directory / "model.pt").string());
                       torch::save(optimizer, (directory / "optimizer.pt").string());
                     });
    if (verdict == clavier::worker::Verdict::kLeave) return;
  }
  std::puts("Finished Training!");
}

const clavier::Registered kRegistered("train_cifar", train_cifar);

// 6. Evaluate the best model on the test images
double test_best_model(const clavier::Trial& best, const std::filesystem::path& study,
                       bool smoke_test) {
  Net net = make_net(best.config);
  const torch::Device device = device_of(best.config);
  torch::load(net, (study / best.latest_checkpoint()->path / "model.pt").string());
  net->to(device);
  return evaluate(net, load_data(smoke_test).test, device).second;
}

// 8. The search space and the constants of the study
clavier::Space search_space(bool smoke_test, std::int64_t max_num_epochs) {
  return {.parameters = {
              {"l1", clavier::power_of_two(4, 256)},    // size of the 1st hidden layer
              {"l2", clavier::power_of_two(4, 256)},    // size of the 2nd
              {"lr", clavier::loguniform(1e-4, 1e-1)},  // learning rate
              {"batch_size", clavier::choice({2, 4, 8, 16})},
              {"smoke_test", clavier::constant(smoke_test)},
              {"max_num_epochs", clavier::constant(max_num_epochs)},
              {"device", clavier::constant(torch::cuda::is_available() ? "cuda" : "cpu")},
          }};
}

}  // namespace

int main(int argc, char** argv) {
  clavier::init(argc, argv);

  // 7. Smoke test or the real thing
  const bool smoke_test = argc > 1 && std::string_view(argv[1]) == "--smoke";
  const std::int64_t max_num_epochs = smoke_test ? 2 : 10;

  // 9. Tune: ASHA stops the worse half of the trials at every rung.
  clavier::Tuning tuning;
  tuning.name = smoke_test ? "cifar10_tutorial_smoke" : "cifar10_tutorial";
  tuning.objective = {"loss", clavier::Mode::kMin};
  tuning.space = search_space(smoke_test, max_num_epochs);
  tuning.trials = smoke_test ? 2 : 10;
  tuning.scheduler = {"asha"};
  tuning.scheduler.options.set("max_steps", max_num_epochs);
  tuning.scheduler.options.set("grace", 1);
  tuning.scheduler.options.set("reduction", 2);
  tuning.checkpoint.every = 1;
  tuning.directory = std::filesystem::path("clavier-results") / tuning.name;
  tuning.output = [](std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); };

  const auto tuned = clavier::tune(tuning, "train_cifar");
  if (!tuned.ok() || !tuned->best) {
    std::fprintf(stderr, "error: %s\n",
                 tuned.ok() ? "no trial reported a loss" : tuned.error().message.c_str());
    return 1;
  }

  const clavier::Trial& best = tuned->best_trial();
  std::printf("Best trial config: l1 = %g, l2 = %g, lr = %g, batch_size = %g\n",
              number(best.config, "l1"), number(best.config, "l2"), number(best.config, "lr"),
              number(best.config, "batch_size"));
  std::printf("Best trial validation loss: %.4f\n", best.best->value);
  if (!best.latest_checkpoint()) {
    std::fprintf(stderr, "error: the best trial has left no checkpoint\n");
    return 1;
  }
  std::printf("Best trial test set accuracy: %.4f\n",
              test_best_model(best, tuning.directory, smoke_test));

  // 10. Look at all trials.
  std::puts("\ntrial   l1   l2        lr  batch  epochs    loss");
  for (const clavier::Trial& trial : tuned->trials)
    std::printf("%5lld %4g %4g %9.2g %6g %7lld  %6.4f\n", static_cast<long long>(trial.id.value),
                number(trial.config, "l1"), number(trial.config, "l2"), number(trial.config, "lr"),
                number(trial.config, "batch_size"), static_cast<long long>(trial.step),
                trial.best ? trial.best->value : 0.0);
  // 11. and 12.: curves and everything else are in the study's folder; `clavier show`, `clavier
  // export` and `clavier clean` read and remove it.
  std::printf("\nresults: %s\n", tuning.directory.c_str());
  return 0;
}
