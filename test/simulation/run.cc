#include "run.h"

#include <algorithm>

#include "addon/changer_wrap.h"
#include "addon/dump_wrap.h"
#include "addon/event_wrap.h"
#include "addon/namespace_wrap.h"
#include "addon/promise.h"
#include "addon/request_wrap.h"
#include "client.h"
#include "memory.h"
#include "report.h"

namespace conntrack::test {

namespace {

World* current_world = nullptr;

// Faults are rare enough that the next one finds something to break.
Kernel::Plan draw_plan(Random& random) {
  static constexpr uint32_t keys[] = {4, 24, 24, 120, 120, 400, 2500};
  static constexpr int64_t traffic[] = {50 * microsecond, 500 * microsecond, 5 * millisecond,
                                        50 * millisecond};
  static constexpr uint64_t bursts[] = {1, 1, 20, 300};
  static constexpr size_t dumps[] = {700, 3800, 3800, 32000};
  static constexpr uint32_t buffers[] = {9000, 40000, 212992, 212992};
  Kernel::Plan plan;
  plan.keys = random.one_of(keys);
  plan.filled = static_cast<uint32_t>(random.below(plan.keys + 1));
  plan.maximum = random.once_in(3) ? plan.keys * 2 / 3 + 1 : plan.keys + 1;
  if (plan.filled > plan.maximum) plan.filled = plan.maximum;
  plan.traffic = random.one_of(traffic);
  plan.burst = random.one_of(bursts);
  if (plan.traffic < millisecond && plan.burst > 20) plan.traffic = 5 * millisecond;
  plan.dump_bytes = plan.keys > 1000 ? 32000 : random.one_of(dumps);
  plan.receive_buffer = random.one_of(buffers);
  plan.filters = !random.once_in(4);
  plan.refuses = random.once_in(4);
  plan.connects = !random.once_in(3);
  plan.privileged = !random.once_in(30);
  plan.shortness = random.below(10);
  if (!plan.connects || random.once_in(3)) plan.forgeries = random.below(20) + 2;
  const bool is_calm = random.once_in(3);
  const auto fault = [&](uint64_t least, uint64_t most) {
    if (is_calm || random.once_in(2)) return uint64_t{0};
    return least + random.below(most - least);
  };
  plan.interrupts = random.once_in(2) ? 0 : 5 + random.below(200);
  plan.silence = fault(20, 500);
  plan.lateness = fault(20, 500);
  plan.errors = fault(20, 500);
  plan.refusals = fault(20, 200);
  plan.stalls = random.once_in(2) ? 0 : 50 + random.below(2000);
  plan.ends = !is_calm && random.once_in(6);
  return plan;
}

Threads::Pace draw_pace(Random& random) {
  static constexpr uint64_t calls[] = {1, 2, 8, 40};
  static constexpr uint64_t accesses[] = {0, 0, 30, 300};
  Threads::Pace pace;
  pace.calls = random.one_of(calls);
  pace.accesses = random.one_of(accesses);
  return pace;
}

class Run {
 public:
  explicit Run(World& world) : world_(world), random_(world.random) {}

  void play() {
    Node& node = world_.node;
    node.dump_reader = addon::DumpWrap::define(node.env());
    node.event_reader = addon::EventWrap::define(node.env());
    node.table_changer = addon::ChangerWrap::define(node.env());
    addon::define_promises(node.env());
    node.request_socket = addon::RequestWrap::define(node.env());
    node.net_namespace = addon::NamespaceWrap::define(node.env());

    const size_t packets = world_.threads.start(
        [](void* kernel) { static_cast<Kernel*>(kernel)->run(); }, &world_.kernel);
    // An allocation that fails makes many failures legal: in few runs, and rarely.
    if (random_.once_in(8)) memory::fail_once_in(100 + random_.below(400));
    const int64_t longest = random_.once_in(10) ? 1500 : 200;
    const int64_t end = random_.between(5, longest) * millisecond;
    while (world_.threads.now() < end) step();
    if (!random_.once_in(3)) close_all();
    node.end();
    world_.kernel.stop();
    world_.threads.wait([&] { return world_.threads.has_ended(packets); });
    check_end();
  }

 private:
  void step() {
    if (clients_.size() < most_ && (clients_.empty() || random_.once_in(40))) add();
    const int64_t until = world_.threads.now() + random_.between(0, 3 * millisecond);
    while (world_.threads.now() < until && world_.node.turn(until)) continue;
    world_.threads.spend(random_.between(microsecond, 20 * microsecond));
    Client& client = *clients_[random_.below(clients_.size())];
    if (random_.once_in(80)) {
      client.close();
    } else if (random_.once_in(300)) {
      if (client.abandon()) report::note("abandon");
    } else {
      client.act();
    }
    world_.node.run_microtasks();
    check_memory();
  }

  void add() {
    static constexpr std::unique_ptr<Client> (*kinds[])() = {
        new_requester, new_requester, new_dumper, new_walker, new_subscriber, new_subscriber};
    clients_.push_back(random_.one_of(kinds)());
  }

  // Each call settles within a time in which the kernel can be silent several times.
  void close_all() {
    const int64_t end = world_.threads.now() + 60 * second;
    for (;;) {
      bool all = true;
      for (const auto& client : clients_) {
        client->close();
        world_.node.run_microtasks();
        all = all && !client->is_open() && client->is_settled();
      }
      if (all && world_.node.is_quiet()) return;
      if (world_.threads.now() > end) violated("a call does not settle");
      world_.node.turn(world_.threads.now() + millisecond);
    }
  }

  void check_memory() const {
    size_t limit = 0;
    for (const auto& client : clients_) limit += client->memory_limit();
    if (memory::bytes() <= limit) return;
    violated("%zu bytes of memory, of %zu", memory::bytes(), limit);
  }

  void check_end() const {
    for (const auto& client : clients_) client->check_end();
    HOLDS(world_.threads.running() == 0);
    HOLDS(world_.kernel.open_descriptors() == 0);
    if (memory::blocks() > 0) violated("%zu blocks of memory are left", memory::blocks());
  }

  World& world_;
  Random& random_;
  const size_t most_ = 1 + random_.below(6);
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace

World::World(uint64_t seed, const Kernel::Plan& plan, const Threads::Pace& pace, size_t pool)
    : random(seed), threads(random, pace), kernel(random, plan), node(pool) {
  current_world = this;
}

World::~World() { current_world = nullptr; }

World* World::current() { return current_world; }

uint64_t run_seed(uint64_t seed, bool traced) {
  report::begin(seed, traced);
  memory::begin();
  Random random(seed);
  const Kernel::Plan plan = draw_plan(random);
  const Threads::Pace pace = draw_pace(random);
  const size_t pool = 1 + random.below(4);
  World world(random.next(), plan, pace, pool);
  Run(world).play();
  return report::hash();
}

}  // namespace conntrack::test
