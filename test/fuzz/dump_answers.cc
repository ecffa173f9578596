// Any answers to a dump, over the scripted kernel. DumpReader gives the entries, and comes to the
// end, of a model that takes the datagrams one by one.
#include <algorithm>
#include <deque>

#include "clock.h"
#include "kernel_script.h"
#include "os/dump_reader.h"
#include "reference.h"
#include "require.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;
using Step = DumpReader::Step;

namespace {

constexpr uint32_t dumps = 3;  // that the script answers

class Model {
 public:
  Model(const FilterRecord& ask, DumpKind kind) : ask_(ask), kind_(kind) {
    const bool one_by_one = !has(FILTER_FAMILY) && (asked() & ASKED_TUPLE) != 0;
    is_first_of_two_ = one_by_one;
  }

  void run(const std::vector<ScriptStep>& steps) {
    for (const ScriptStep& step : steps) {
      if (step.kind == ScriptStep::fault && step.error != EINTR) return fail(step.error);
      if (step.kind == ScriptStep::datagram) take({step.bytes.data(), step.bytes.size()});
      if (ended_) return;
    }
    fail(ETIMEDOUT);
  }

  std::vector<EntryRecord> entries;
  int error = 0;
  uint32_t requests = 1;

 private:
  bool has(uint32_t present) const { return (ask_.present & present) != 0; }
  uint32_t asked() const { return kind_ == DumpKind::dying ? 0 : asked_fields(ask_); }

  void fail(int number) {
    error = number;
    ended_ = true;
  }

  void take(Bytes datagram) {
    bool malformed = false;
    for (const Message& message : reference_messages(datagram, malformed)) {
      if (message.sequence == requests && message.port_id == port_id) take(message);
      if (ended_) return;
    }
    if (malformed) fail(EBADMSG);
  }

  void take(const Message& message) {
    if (message.type == MESSAGE_NEW) return take_entry(message);
    if (message.type != NLMSG_ERROR && message.type != NLMSG_DONE) return;
    int number = 0;
    if (!script_error(message, number)) return fail(EBADMSG);
    const bool refused = number == EINVAL || number == EOPNOTSUPP;
    if (refused && !answered_ && asked() != 0) {
      if ((asked() & ASKED_ZONE) != 0) {
        ask_.present &= ~uint32_t{FILTER_ZONE};
      } else {
        const uint32_t family = ask_.present & FILTER_FAMILY;
        ask_ = {};
        ask_.present = family;
      }
      requests++;
    } else if (number != 0) {
      fail(number);
    } else if (message.type == NLMSG_DONE) {
      if (!is_first_of_two_) ended_ = true;
      is_first_of_two_ = false;
      if (!ended_) requests++;
    }
  }

  void take_entry(const Message& message) {
    answered_ = true;
    EntryRecord record;
    ExtensionRecord extension;
    Bytes helper;
    Bytes context;
    if (!reference_entry(message, record, extension, helper, context)) return fail(EBADMSG);
    const auto same = [&record](const EntryRecord& other) {
      return record.id == other.id && record.zone == other.zone &&
             memcmp(&record.original, &other.original, sizeof record.original) == 0;
    };
    if (kind_ != DumpKind::zeroing) {
      if (std::any_of(recent_.begin(), recent_.end(), same)) return;
      recent_.push_back(record);
      if (recent_.size() > 256) recent_.pop_front();
    }
    entries.push_back(record);
  }

 public:
  uint32_t port_id = 0;

 private:
  FilterRecord ask_;
  const DumpKind kind_;
  bool is_first_of_two_ = false;
  bool answered_ = false;
  bool ended_ = false;
  std::deque<EntryRecord> recent_;
};

FilterRecord any_question(Input& input) {
  auto ask = zeroed<FilterRecord>();
  static constexpr uint32_t conditions[] = {FILTER_FAMILY, FILTER_PROTOCOL, FILTER_MARK,
                                            FILTER_ZONE};
  const uint8_t chosen = input.byte();
  for (uint32_t i = 0; i < 4; i++) {
    if ((chosen >> i & 1) != 0) ask.present |= conditions[i];
  }
  ask.family = (chosen & 16) != 0 ? FAMILY_IPV4 : FAMILY_IPV6;
  ask.protocol = 17;
  ask.mark_mask = 1;
  return ask;
}

// The records of a slab, without the places of their extensions.
void append(std::vector<EntryRecord>& all, const uint8_t* slab) {
  SlabHeader header;
  memcpy(&header, slab, sizeof header);
  for (size_t i = 0; i < header.count; i++) {
    EntryRecord record;
    memcpy(static_cast<void*>(&record), slab + sizeof header + i * sizeof record, sizeof record);
    record.extension = 0;
    all.push_back(record);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const FilterRecord ask = any_question(input);
  const auto kind = static_cast<DumpKind>(input.below(3));
  Kernel kernel;
  StoppedClock clock;
  clock.skip_waits();
  DumpReader reader(ask, kind);
  REQUIRE(!reader.open());
  const auto socket = kernel.accept();
  KernelScript script(input, socket->port_id(), dumps);
  script.play(kernel, *socket, "recvmsg");
  Model model(ask, kind);
  model.port_id = socket->port_id();
  model.run(script.steps());

  alignas(8) static uint8_t slab[slab_size];
  std::vector<EntryRecord> entries;
  DumpReader::Outcome outcome;
  do {
    outcome = reader.read(slab);
    REQUIRE(outcome.filled == (reinterpret_cast<SlabHeader*>(slab)->count > 0));
    if (outcome.filled) append(entries, slab);
  } while (outcome.step == Step::more || outcome.step == Step::idle);

  REQUIRE((outcome.step == Step::failed) == (model.error != 0));
  REQUIRE(outcome.failure.error == model.error);
  REQUIRE(entries.size() == model.entries.size());
  for (size_t i = 0; i < entries.size(); i++) {
    REQUIRE(memcmp(&entries[i], &model.entries[i], sizeof entries[i]) == 0);
  }
  uint32_t requests = 0;
  for (Buffer sent; socket->next_sent(sent); requests++) {
    REQUIRE(sent.size() >= 16 && (sent[6] | sent[7] << 8) == (NLM_F_REQUEST | NLM_F_DUMP));
  }
  REQUIRE(requests == model.requests);
  reader.close();
  return 0;
}
