#include "os/request_job.h"

#include <errno.h>
#include <stddef.h>

#include <new>

#include "os/clock.h"
#include "os/turn.h"
#include "wire/decode.h"
#include "wire/decode_expectation.h"
#include "wire/decode_timeout.h"
#include "wire/encode.h"
#include "wire/encode_expectation.h"
#include "wire/encode_timeout.h"

namespace conntrack {

namespace {

bool is_write(uint16_t kind) {
  return kind == REQUEST_CREATE || kind == REQUEST_UPDATE || kind == REQUEST_CREATE_TIMEOUTS ||
         kind == REQUEST_REPLACE_TIMEOUTS || kind == REQUEST_SET_DEFAULT_TIMEOUTS;
}

// A write is followed by a get.
bool has_room(const RequestBatch& batch, uint16_t kind) {
  return batch.count() + (is_write(kind) ? 2 : 1) <= RequestBatch::capacity;
}

// Zones apart, which the kernel compares. What it does not send, it does not track: it finds the
// entry whatever the key has there, such as ports of UDP-Lite (7.2).
bool is_same(const TupleRecord& key, const TupleRecord& sent) {
  const auto lacks = [&sent](uint32_t present) { return (sent.present & present) == 0; };
  return key.protocol == sent.protocol &&
         memcmp(&key, &sent, offsetof(TupleRecord, source_port)) == 0 &&
         (lacks(TUPLE_SOURCE_PORT | TUPLE_SOURCE_KEY) || key.source_port == sent.source_port) &&
         (lacks(TUPLE_DESTINATION_PORT | TUPLE_DESTINATION_KEY) ||
          key.destination_port == sent.destination_port) &&
         (lacks(TUPLE_ICMP_ID) || key.icmp_id == sent.icmp_id) &&
         (lacks(TUPLE_ICMP_TYPE) || key.icmp_type == sent.icmp_type) &&
         (lacks(TUPLE_ICMP_CODE) || key.icmp_code == sent.icmp_code);
}

// Asked for an original tuple, the kernel also gives the entry that has it as reply, and the
// other way round (nf_conntrack_find_get).
bool is_asked_for(Bytes request, const EntryRecord& entry) {
  RequestHeader header;
  EntryRecord key;
  if (!read_host(request, 0, header)) return true;
  if (header.kind != REQUEST_GET && header.kind != REQUEST_GET_ZERO) return true;
  if (!read_host(request, sizeof header, key)) return false;
  return (key.present & ENTRY_ORIGINAL) != 0 ? is_same(key.original, entry.original)
                                             : is_same(key.reply, entry.reply);
}

// It compares the tuples of expectations under their masks.
bool is_asked_for(Bytes request, const ExpectationRecord& expectation) {
  ExpectationRecord key;
  if (!read_host(request, sizeof(RequestHeader), key)) return false;
  return is_same(key.tuple, expectation.tuple);
}

}  // namespace

int RequestJob::take(Bytes requests) {
  bytes_.reset(new (std::nothrow) uint8_t[requests.size]);
  if (!bytes_) return ENOMEM;
  if (requests.size > 0) memcpy(bytes_.get(), requests.data, requests.size);
  const Bytes all = {bytes_.get(), requests.size};
  RequestHeader header;
  Bytes request;
  Bytes rest = all;
  size_t count = 0;
  for (; rest.size > 0; count++) {
    if (!next_request(rest, header, request)) return EINVAL;
  }
  requests_.reset(new (std::nothrow) Bytes[count]);
  results_.reset(new (std::nothrow) Result[count]);
  if (!requests_ || !results_) return ENOMEM;
  rest = all;
  for (size_t i = 0; i < count; i++) next_request(rest, header, requests_[i]);
  count_ = count;
  return 0;
}

bool RequestJob::run(NetlinkSocket& socket, RequestMemory& memory) {
  struct Context {
    RequestJob* job;
    const RequestMemory* memory;
  } context = {this, &memory};
  const auto take = [](size_t index, const Message& message, void* given) {
    const auto* of = static_cast<Context*>(given);
    return of->job->take_answer(*of->memory, index, message);
  };
  const Turn turn;
  while (next_ < count_ || exchange_.sent) {
    if (!exchange_.sent) fill(memory);
    Failure failure;
    if (!transact(exchange_, socket, memory.batch, memory.inbox, {take, &context}, memory.answers,
                  failure)) {
      return false;
    }
    settle(memory, failure);
    // Only what found no room says nothing of what follows.
    if (failure && failure.error != ENOBUFS) {
      failure.unanswered = false;
      failure_ = failure;
      refuse(failure);
    }
    if (turn.is_over()) break;
  }
  const bool ended = next_ == count_ && !exchange_.sent;
  if (ended) bytes_.reset();  // nothing reads them any more
  return ended;
}

void RequestJob::refuse(const Failure& failure) {
  fail(next_, count_, failure);
  next_ = count_;
}

void RequestJob::give_up(RequestMemory& memory) {
  if (exchange_.sent) {
    conclude(exchange_, memory.batch, memory.answers);
    settle(memory, Failure::of_cancel(true));
  }
  refuse(Failure::of_cancel(false));
}

void RequestJob::fail(size_t from, size_t to, const Failure& failure) {
  for (size_t i = from; i < to; i++) results_[i].failure = failure;
}

// The batch --------------------------------------------------------------------------------

void RequestJob::fill(RequestMemory& memory) {
  memory.batch.clear();
  while (next_ < count_ && add(memory, next_)) next_++;
  memory.batch.ask_last();
}

// False when the batch has no room for the request. One that must not be sent has failed.
bool RequestJob::add(RequestMemory& memory, size_t request) {
  using namespace uapi;
  const Bytes slab = requests_[request];
  RequestHeader header = {};
  read_host(slab, 0, header);
  EntryRecord entry;
  SpecRecord spec;
  Extension extension;
  ExpectationRecord expectation;
  ExpectationExtension expectation_extension;
  TimeoutRecord timeouts;
  const auto reads_entry = [&] { return read_first_entry(slab, entry, extension); };
  const auto reads_spec = [&] { return read_spec(slab, 0, spec, extension); };
  const auto reads_expectation = [&] {
    return read_first_expectation(slab, expectation, expectation_extension);
  };
  const auto reads_timeouts = [&] { return read_first_timeouts(slab, timeouts); };
  const auto command = [&](const RequestWriter& message) {
    return add(memory, request, Role::command, message, RequestBatch::ack);
  };
  const auto question = [&](const RequestWriter& message, uint16_t answer) {
    return add(memory, request, Role::question, message, answer);
  };
  const auto write = [&](const RequestWriter& message, const RequestWriter& get, uint16_t answer) {
    return add_write(memory, request, message, get, answer);
  };
  if (!has_room(memory.batch, header.kind)) return false;
  bool added = false;
  switch (header.kind) {
    case REQUEST_GET:
      added = reads_entry() && question(encode_get(entry), MESSAGE_NEW);
      break;
    case REQUEST_GET_ZERO:
      // It changes what it reads.
      added = reads_entry() &&
              add(memory, request, Role::command, encode_get(entry, true), MESSAGE_NEW);
      break;
    case REQUEST_USAGE:
      added = question(encode_get_usage(), MESSAGE_GET_STATS);
      break;
    case REQUEST_CREATE:
      added = reads_spec() &&
              write(encode_create(spec, extension), encode_get(spec.entry), MESSAGE_NEW);
      break;
    case REQUEST_UPDATE:
      added = reads_spec() && read_host(slab, header.entry, entry) &&
              write(encode_update(entry, spec, extension), encode_get(entry), MESSAGE_NEW);
      break;
    case REQUEST_DELETE:
      added = reads_entry() &&
              add(memory, request, Role::command, encode_delete(entry), RequestBatch::silence);
      break;
    case REQUEST_FLUSH:
      added = command(encode_flush(static_cast<uint8_t>(header.family)));
      break;
    case REQUEST_GET_EXPECTATION:
      added = reads_expectation() &&
              question(encode_expectation_get(expectation), MESSAGE_EXPECTATION_NEW);
      break;
    case REQUEST_CREATE_EXPECTATION:
      added = reads_expectation() &&
              command(encode_expectation_create(expectation, expectation_extension));
      break;
    case REQUEST_UPDATE_EXPECTATION:
      added = reads_expectation() && command(encode_expectation_update(expectation));
      break;
    case REQUEST_DELETE_EXPECTATION:
      added = reads_expectation() && command(encode_expectation_delete(expectation));
      break;
    case REQUEST_FLUSH_EXPECTATIONS:
      added = command(encode_expectation_flush());
      break;
    case REQUEST_FLUSH_EXPECTATIONS_OF:
      added =
          reads_expectation() && command(encode_expectation_flush_of(expectation_extension.helper));
      break;
    case REQUEST_GET_TIMEOUTS:
      added = reads_timeouts() && question(encode_timeout_get(timeouts), MESSAGE_TIMEOUT_NEW);
      break;
    case REQUEST_CREATE_TIMEOUTS:
      added = reads_timeouts() && write(encode_timeout_create(timeouts),
                                        encode_timeout_get(timeouts), MESSAGE_TIMEOUT_NEW);
      break;
    case REQUEST_REPLACE_TIMEOUTS:
      added = reads_timeouts() && write(encode_timeout_replace(timeouts),
                                        encode_timeout_get(timeouts), MESSAGE_TIMEOUT_NEW);
      break;
    case REQUEST_DELETE_TIMEOUTS:
      added = reads_timeouts() && command(encode_timeout_delete(timeouts));
      break;
    case REQUEST_GET_DEFAULT_TIMEOUTS:
      added = reads_timeouts() &&
              question(encode_default_timeouts_get(timeouts), MESSAGE_TIMEOUT_DEFAULT_SET);
      break;
    case REQUEST_SET_DEFAULT_TIMEOUTS:
      added = reads_timeouts() &&
              write(encode_default_timeouts_set(timeouts), encode_default_timeouts_get(timeouts),
                    MESSAGE_TIMEOUT_DEFAULT_SET);
      break;
    default:
      break;
  }
  if (!added) results_[request].failure = Failure::of_syscall("sendto", EMSGSIZE);
  return true;
}

bool RequestJob::add(RequestMemory& memory, size_t request, Role role, const RequestWriter& message,
                     uint16_t answer) {
  const size_t index = memory.batch.count();
  if (!memory.batch.add(message, answer)) return false;
  memory.sent[index] = {static_cast<uint32_t>(request), role};
  return true;
}

// Both or nothing: the kernel sends no entry to who creates or changes it, unless somebody listens
// to events (NLM_F_ECHO), and then not all of it; and never timeouts.
bool RequestJob::add_write(RequestMemory& memory, size_t request, const RequestWriter& write,
                           const RequestWriter& get, uint16_t answer) {
  return write.complete() && get.complete() &&
         add(memory, request, Role::write, write, RequestBatch::silence) &&
         add(memory, request, Role::question, get, answer);
}

// The answers ------------------------------------------------------------------------------

int RequestJob::take_answer(const RequestMemory& memory, size_t index, const Message& message) {
  const size_t request = memory.sent[index].request;
  switch (memory.batch.answer(index)) {
    case uapi::MESSAGE_GET_STATS:
      return take_usage(message, request);
    case uapi::MESSAGE_EXPECTATION_NEW:
      return take_expectation(message, request);
    case uapi::MESSAGE_TIMEOUT_NEW:
    case uapi::MESSAGE_TIMEOUT_DEFAULT_SET:
      return take_timeouts(message, request);
    default:
      return take_entry(message, request);
  }
}

int RequestJob::take_usage(const Message& message, size_t request) {
  TableUsage usage;
  if (!decode_usage(message, usage)) return EBADMSG;
  const uint32_t maximum = usage.has_maximum ? uint32_t{ANSWER_MAXIMUM} : 0;
  results_[request].answer = {ANSWER_ENTRIES | maximum, usage.entries, usage.maximum};
  return 0;
}

int RequestJob::take_entry(const Message& message, size_t request) {
  EntryRecord decoded = {};
  Extension extension;
  if (!decode_entry(message, decoded, extension)) return EBADMSG;
  if (!is_asked_for(requests_[request], decoded)) return 0;
  EntryRecord* record = entries_ ? entries_->reserve() : nullptr;
  if (!record || !entries_->fits(decoded, extension)) {
    AnswerSlab* part = add_slab(slab_size);
    if (!part) return ENOMEM;
    part->entries = SlabWriter(part->memory.get());
    part->entries.stamp(wall_clock());
    entries_ = &part->entries;
    entries_slab_ = slab_count_ - 1;
    record = entries_->reserve();
  }
  *record = decoded;
  results_[request].answer = {ANSWER_RECORD, entries_slab_,
                              static_cast<uint32_t>(entries_->front())};
  entries_->commit(record, extension);
  return 0;
}

int RequestJob::take_expectation(const Message& message, size_t request) {
  ExpectationRecord decoded = {};
  ExpectationExtension extension;
  if (!decode_expectation(message, decoded, extension)) return EBADMSG;
  if (!is_asked_for(requests_[request], decoded)) return 0;
  const size_t size = extension_size(decoded, extension);
  AnswerSlab* part = add_slab(sizeof(SlabHeader) + sizeof decoded + size);
  if (!part) return ENOMEM;
  ExpectationSlab& slab = part->expectation;
  slab = ExpectationSlab(part->memory.get(), sizeof(SlabHeader) + sizeof decoded + size);
  ExpectationRecord* record = slab.reserve();
  *record = decoded;
  results_[request].answer = {ANSWER_RECORD, slab_count_ - 1, static_cast<uint32_t>(slab.front())};
  if (size > 0) write_extension(slab.extend(size, record->extension), extension);
  slab.commit();
  return 0;
}

int RequestJob::take_timeouts(const Message& message, size_t request) {
  TimeoutRecord decoded = {};
  const bool is_policy = message.type == uapi::MESSAGE_TIMEOUT_NEW;
  if (!(is_policy ? decode_timeout_policy : decode_default_timeouts)(message, decoded)) {
    return EBADMSG;
  }
  constexpr size_t size = sizeof(SlabHeader) + sizeof decoded;
  AnswerSlab* part = add_slab(size);
  if (!part) return ENOMEM;
  part->timeouts = TimeoutSlab(part->memory.get(), size);
  results_[request].answer = {ANSWER_RECORD, slab_count_ - 1,
                              static_cast<uint32_t>(part->timeouts.front())};
  *part->timeouts.reserve() = decoded;
  part->timeouts.commit();
  return 0;
}

RequestJob::AnswerSlab* RequestJob::add_slab(size_t size) {
  std::unique_ptr<uint8_t[]> memory(new (std::nothrow) uint8_t[size]);
  AnswerSlab* part = memory ? slabs_.add() : nullptr;
  if (!part) return nullptr;
  part->memory = static_cast<std::unique_ptr<uint8_t[]>&&>(memory);
  slab_count_++;
  return part;
}

void RequestJob::settle(const RequestMemory& memory, const Failure& failure) {
  const BatchAnswers& answers = memory.answers;
  const auto failure_of = [&](size_t index) {
    if (answers.states[index] == BatchAnswers::done) return Failure{};
    return answers.states[index] == BatchAnswers::failed ? answers.failures[index] : failure;
  };
  for (size_t i = 0; i < memory.batch.count(); i++) {
    const auto [request, role] = memory.sent[i];
    Result& result = results_[request];
    result.failure = failure_of(i);
    const bool done = role != Role::question && !result.failure;
    if (role == Role::write) {
      i++;
      if (done) result.failure = failure_of(i);
    }
    // It changes nothing, whatever became of it.
    if (role == Role::question || done) result.failure.unanswered = false;
    const bool reads = memory.batch.answer(i) == uapi::MESSAGE_NEW ||
                       memory.batch.answer(i) == uapi::MESSAGE_EXPECTATION_NEW;
    if (reads && !result.failure && (result.answer.present & ANSWER_RECORD) == 0) {
      result.failure.error = ENOENT;
    }
    if (result.failure) result.answer = {};
    if (done || !result.failure) result.answer.present |= ANSWER_DONE;
  }
  exchange_ = {};
}

}  // namespace conntrack
