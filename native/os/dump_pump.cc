#include "os/dump_pump.h"

#include "os/turn.h"

namespace conntrack {

uint32_t DumpPump::supply(uint8_t* memory) {
  const uint32_t slot = ring_.slot();
  ring_.supply(memory);
  return slot;
}

bool DumpPump::start_turn() {
  if (running_ || closing_ || ended() || !ring_.has_empty()) return false;
  idle_ = false;
  running_ = true;
  return true;
}

bool DumpPump::end_turn() {
  running_ = false;
  if (closing_) reader_.close();
  return !idle_;
}

void DumpPump::close() {
  closing_ = true;
  if (running_) {
    reader_.cancel();
  } else {
    reader_.close();
  }
}

void DumpPump::turn(void (*ring)(void*), void* context) {
  const Turn turn;
  for (uint32_t unannounced = 0;;) {
    const bool full = unannounced >= batch();
    // If possible not in the middle of a batch, which would wake whoever waits for it.
    if (full || unannounced == 0 ? turn.is_over() : turn.must_end()) return;
    if (full) {
      unannounced = 0;
      ring(context);
    }
    uint8_t* slab = ring_.empty();
    if (!slab) return;
    const DumpReader::Outcome outcome = reader_.read(slab, turn);
    if (outcome.filled) {
      ring_.fill();
      unannounced++;
    }
    if (outcome.step == DumpReader::Step::idle) {
      idle_ = true;
      return;
    }
    if (outcome.step != DumpReader::Step::more) {
      failure_ = outcome.failure;
      ended_.store(true, std::memory_order_release);
      return;
    }
  }
}

}  // namespace conntrack
