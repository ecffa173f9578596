// Any sequence of entries of a dump. RecentTuples finds an entry exactly when it is among the last
// 256 different ones, whatever ids collide.
#include "wire/recent_tuples.h"

#include <deque>
#include <memory>
#include <set>

#include "input.h"
#include "require.h"

using namespace conntrack;
using namespace conntrack::test;

namespace {

// The key of an entry, in 64 bits.
struct Flow {
  uint32_t id;
  uint16_t zone;
  uint8_t source;
  uint8_t port;

  uint64_t number() const {
    return uint64_t{id} << 32 | uint32_t{zone} << 16 | uint32_t{source} << 8 | port;
  }
};

class Run {
 public:
  void add(const Flow& flow) {
    EntryRecord record;
    memset(static_cast<void*>(&record), 0, sizeof record);
    record.id = flow.id;
    record.zone = flow.zone;
    record.original.source[15] = flow.source;
    record.original.destination_port = flow.port;
    // Values outside the key change meanwhile.
    record.status = record.reply.source_port = static_cast<uint16_t>(recent_.size());
    const bool added = tuples_->add(record);
    REQUIRE(added == known_.insert(flow.number()).second);
    if (!added) return;
    recent_.push_back(flow.number());
    if (recent_.size() <= 256) return;
    known_.erase(recent_.front());
    recent_.pop_front();
  }

 private:
  std::unique_ptr<RecentTuples> tuples_ = std::make_unique<RecentTuples>();
  std::deque<uint64_t> recent_;
  std::set<uint64_t> known_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Run run;
  Input input(data, size);
  for (uint32_t left = 800; left > 0 && !input.empty();) {
    const uint8_t kind = input.byte();
    // Either one of 256 ids, or any id.
    const uint32_t id = kind % 2 == 0 ? input.byte() : input.integer<uint32_t>();
    Flow flow = {id, static_cast<uint16_t>(kind >> 7), 0, static_cast<uint8_t>(kind >> 6 & 1)};
    const uint32_t count = 1 + (kind % 4 == 3 ? 2 * input.byte() : 0);
    for (uint32_t i = 0; i < count && left > 0; i++, left--) {
      run.add(flow);
      if (kind % 8 < 4) {
        flow.id++;
      } else {
        flow.source++;
      }
    }
  }
  return 0;
}
