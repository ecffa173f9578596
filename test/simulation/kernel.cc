#include "kernel.h"

#include <errno.h>

#include <algorithm>

#include "messages.h"
#include "report.h"
#include "world.h"

namespace conntrack::test {

using namespace uapi;

namespace {

constexpr int first_descriptor = 1000;
constexpr uint32_t first_port_id = 4242;
constexpr uint32_t forged_mark = 0x7f000001;

int64_t now() { return Threads::current()->now(); }

constexpr uint32_t group_of_new = GROUP_NEW;

}  // namespace

Kernel::Kernel(Random& random, const Plan& plan) : random_(random), plan_(plan) {
  for (int number = 0; number < tables; number++) {
    // The maximum names the table.
    tables_.push_back(
        std::make_unique<Table>(number, plan.keys, plan.maximum + static_cast<uint32_t>(number)));
    for (uint32_t i = 0; i < plan.filled; i++) {
      tables_.back()->insert({i, next_id_++, new_mark()}, 0);
    }
  }
  next_change_ = static_cast<int64_t>(random_.below(static_cast<uint64_t>(plan.traffic) + 1));
  if (plan.ends) ends_at_ = random_.between(10 * millisecond, second);
}

// Descriptors ----------------------------------------------------------------------------------

Kernel::File* Kernel::file(int fd, const char* call) {
  if (fd < first_descriptor) return nullptr;
  const auto index = static_cast<size_t>(fd - first_descriptor);
  if (index >= files_.size() || files_[index].kind == File::closed) {
    violated("%s of descriptor %d, which is closed", call, fd);
  }
  return &files_[index];
}

int Kernel::open(File file) {
  files_.push_back(std::move(file));
  return first_descriptor + static_cast<int>(files_.size()) - 1;
}

int Kernel::open_socket(int protocol) {
  const int fd = first_descriptor + static_cast<int>(files_.size());
  const auto port_id = first_port_id + static_cast<uint32_t>(sockets_.size());
  auto socket = std::make_shared<Socket>(fd, port_id, table(Threads::current()->place()),
                                         plan_.receive_buffer, protocol == 0);
  socket->drained = [](Socket& drained) { World::current()->kernel.go_on(drained); };
  if (has_ended(socket->table->number())) {
    socket->break_off(ENETDOWN);
    socket->excused = true;
  }
  sockets_.push_back(socket);
  File file;
  file.kind = File::socket;
  file.netlink = socket;
  return open(std::move(file));
}

void Kernel::close(int fd) {
  File& closing = *file(fd, "close");
  if (closing.netlink) closing.netlink->closed = true;
  closing = {};
}

size_t Kernel::open_descriptors() const {
  return static_cast<size_t>(std::count_if(
      files_.begin(), files_.end(), [](const File& file) { return file.kind != File::closed; }));
}

// Requests -------------------------------------------------------------------------------------

ssize_t Kernel::send(Socket& socket, const uint8_t* bytes, size_t size) {
  if (socket.is_broken()) return -ENETDOWN;
  if (random_.once_in(plan_.refusals)) {
    socket.excused = true;
    return -ENOBUFS;
  }
  MessageReader messages({bytes, size});
  Message message;
  bool is_first = true;
  answers_at_ = 0;
  while (messages.next(message)) {
    HOLDS((message.flags & NLM_F_REQUEST) != 0);
    HOLDS(message.sequence > socket.sequence);
    socket.sequence = message.sequence;
    if (!plan_.privileged) {
      // nfnetlink_rcv(): once for the whole datagram.
      socket.excused = socket.refused = true;
      if (is_first) answer(socket, error_message(message.sequence, socket.port_id, EPERM));
    } else {
      handle(socket, message.type, message.flags, message.sequence, message.payload);
    }
    is_first = false;
  }
  HOLDS(!messages.malformed());
  return static_cast<ssize_t>(size);
}

void Kernel::handle(Socket& socket, uint16_t type, uint16_t flags, uint32_t sequence,
                    Bytes payload) {
  const int error = do_request(socket, type, flags, sequence, payload);
  if (error != 0 || (flags & NLM_F_ACK) != 0) {
    answer(socket, error_message(sequence, socket.port_id, error));
  }
}

int Kernel::do_request(Socket& socket, uint16_t type, uint16_t flags, uint32_t sequence,
                       Bytes payload) {
  if (payload.size < 4) return EINVAL;
  const Bytes attributes = {payload.data + 4, payload.size - 4};
  if ((flags & NLM_F_DUMP) == NLM_F_DUMP && type != MESSAGE_NEW) {
    return start_dump(socket, type, sequence, payload.data[0], attributes);
  }
  switch (type) {
    case MESSAGE_NEW:
      return do_new(socket, flags, attributes);
    case MESSAGE_DELETE:
      return do_delete(socket, flags, attributes);
    case MESSAGE_GET_STATS: {
      const uint32_t kept = static_cast<uint32_t>(kept_.size());
      socket.usages.push_back(socket.table->size() + kept);
      answer(socket, usage_message(sequence, socket.port_id, socket.usages.back(),
                                   socket.table->maximum()));
      return 0;
    }
    case MESSAGE_GET:
    case MESSAGE_GET_CTRZERO:
      break;
    default:
      return EINVAL;
  }
  if (random_.once_in(plan_.errors)) {
    socket.excused = true;
    return ENOMEM;
  }
  uint32_t address = 0;
  const Bytes tuple = attribute_in(attributes, CTA_TUPLE_ORIG);
  HOLDS(number_in(attribute_in(tuple, CTA_TUPLE_IP), CTA_IP_V4_SRC, address));
  const Entry* entry = socket.table->find(place_of(address).key);
  if (!entry) return ENOENT;
  Buffer bytes;
  append_entry(bytes, MESSAGE_NEW, 0, sequence, socket.port_id, socket.table->number(), *entry, 1);
  answer(socket, std::move(bytes));
  return 0;
}

int Kernel::do_new(Socket& socket, uint16_t flags, Bytes attributes) {
  Table& table = *socket.table;
  uint32_t address = 0;
  uint32_t mark = 0;
  const Bytes tuple = attribute_in(attributes, CTA_TUPLE_ORIG);
  HOLDS(number_in(attribute_in(tuple, CTA_TUPLE_IP), CTA_IP_V4_SRC, address));
  HOLDS(number_in(attributes, CTA_MARK, mark) && mark < marks_.size());
  const Place place = place_of(address);
  HOLDS(place.table == table.number() && place.key < table.keys());
  const Entry* found = table.find(place.key);
  const bool creates = (flags & NLM_F_CREATE) != 0;
  Write& write = marks_[mark];
  int error = 0;
  if (random_.once_in(plan_.errors)) error = ENOMEM;
  if (error != 0) socket.made_up = true;
  if (error == 0 && creates) error = found ? EEXIST : table.size() >= table.maximum() ? ENOMEM : 0;
  if (error == 0 && !creates && !found) error = ENOENT;
  write.times++;
  write.error = error;
  if (error != 0) return error;
  if (creates) {
    table.insert({place.key, next_id_++, mark}, now());
  } else {
    table.change(place.key, mark, now());
    socket.updates++;
  }
  broadcast(creates ? GROUP_NEW : GROUP_UPDATE, table, *table.find(place.key), socket.port_id,
            nullptr);
  return 0;
}

int Kernel::do_delete(Socket& socket, uint16_t flags, Bytes attributes) {
  Table& table = *socket.table;
  const Bytes tuple = attribute_in(attributes, CTA_TUPLE_ORIG);
  if (tuple.size == 0) {
    socket.flushes++;
    for (uint32_t key = 0; key < table.keys(); key++) {
      if (table.find(key)) remove(table, key, socket.port_id, nullptr);
    }
    return 0;
  }
  uint32_t address = 0;
  uint32_t id = 0;
  HOLDS(number_in(attribute_in(tuple, CTA_TUPLE_IP), CTA_IP_V4_SRC, address));
  HOLDS(number_in(attributes, CTA_ID, id));
  const Entry* found = table.find(place_of(address).key);
  const int error = random_.once_in(plan_.errors) ? ENOMEM : found && found->id == id ? 0 : ENOENT;
  socket.removals.push_back({id, error});
  if (error == ENOMEM) socket.excused = true;
  if (error != 0) return error;
  remove(table, found->key, socket.port_id, (flags & NLM_F_ECHO) != 0 ? &socket : nullptr);
  return 0;
}

// Dumps ----------------------------------------------------------------------------------------

int Kernel::start_dump(Socket& socket, uint16_t type, uint32_t sequence, uint8_t family,
                       Bytes attributes) {
  if (socket.dump.active) return EBUSY;
  if (plan_.refuses && attribute_in(attributes, CTA_FILTER).size > 0) return EOPNOTSUPP;
  Socket::Dump dump;
  dump.active = true;
  dump.sequence = sequence;
  dump.type = type;
  dump.nothing = family == FAMILY_IPV6 || type == MESSAGE_GET_DYING;
  dump.by_mark = plan_.filters && number_in(attributes, CTA_MARK, dump.mark) &&
                 number_in(attributes, CTA_MARK_MASK, dump.mark_mask);
  socket.dump = dump;
  go_on(socket);
  return 0;
}

// netlink_dump()
void Kernel::go_on(Socket& socket) {
  Socket::Dump& dump = socket.dump;
  if (!dump.active || dump.paused || socket.closed || !socket.has_room_for_dump()) return;
  if (random_.once_in(plan_.silence) || random_.once_in(plan_.lateness)) {
    socket.excused = dump.paused = true;
    report::note("the dump pauses", socket.fd);
    const bool for_good = random_.once_in(3);
    if (for_good) return;
    put_off(socket, now() + random_.between(0, 2 * second), {});
    return;
  }
  if (random_.once_in(plan_.errors * 4)) {
    socket.excused = true;
    dump.active = false;
    socket.append({error_message(dump.sequence, socket.port_id, ENOMEM)});
    return;
  }
  Buffer bytes;
  const bool is_stats = dump.type == MESSAGE_GET_STATS_CPU;
  const bool ended = is_stats ? dump_stats(socket, bytes) : dump_entries(socket, bytes);
  if (ended && (bytes.empty() || random_.once_in(2))) {
    const Buffer done = done_message(dump.sequence, socket.port_id);
    bytes.insert(bytes.end(), done.begin(), done.end());
    dump.active = false;
  }
  socket.append({std::move(bytes)});
}

// ctnetlink_dump_table(): one that stops in the middle of a bucket goes on at the entry where it
// has stopped, and starts the bucket anew if that is gone.
bool Kernel::dump_entries(Socket& socket, Buffer& out) {
  Socket::Dump& dump = socket.dump;
  const Table& table = *socket.table;
  const size_t room = random_.once_in(4) ? 2 * entry_size : plan_.dump_bytes;
  for (; !dump.nothing && dump.bucket < table.buckets(); dump.bucket++) {
    do {
      const bool resumes = dump.last != 0;
      for (const Entry& entry : table.bucket(dump.bucket)) {
        if (dump.last != 0 && entry.id != dump.last) continue;
        dump.last = 0;
        if (dump.by_mark && (entry.mark & dump.mark_mask) != dump.mark) continue;
        if (out.size() + entry_size > room) {
          dump.last = entry.id;
          return false;
        }
        append_entry(out, MESSAGE_NEW, 2, dump.sequence, socket.port_id, table.number(), entry, 1);
      }
      if (dump.last == 0 || !resumes) break;
      dump.last = 0;
    } while (true);
  }
  return true;
}

bool Kernel::dump_stats(Socket& socket, Buffer& out) {
  constexpr size_t cpus = 5;
  Socket::Dump& dump = socket.dump;
  for (; dump.cpu < cpus; dump.cpu++) {
    if (!out.empty() && random_.once_in(3)) return false;
    const auto value = static_cast<uint32_t>(socket.table->number()) + 100;
    const Buffer one =
        stats_message(dump.sequence, socket.port_id, static_cast<uint16_t>(dump.cpu), value);
    out.insert(out.end(), one.begin(), one.end());
  }
  return true;
}

// A kernel that loses an answer reports it (ENOBUFS). One that stops answering, or pauses, does so
// for the rest of the datagram.
void Kernel::answer(Socket& socket, Buffer bytes) {
  if (socket.closed) return;
  if (answers_at_ == 0) {
    if (random_.once_in(plan_.silence)) answers_at_ = Threads::never;
    if (random_.once_in(plan_.lateness)) answers_at_ = now() + random_.between(0, 2 * second);
    if (answers_at_ != 0) report::note("the answers wait", socket.fd);
  }
  if (answers_at_ != 0) {
    socket.excused = true;
    if (answers_at_ != Threads::never) put_off(socket, answers_at_, std::move(bytes));
  } else if (!socket.deliver({std::move(bytes)})) {
    socket.excused = true;
    report::note("no room for the answer", socket.fd);
  }
}

void Kernel::put_off(const Socket& socket, int64_t due, Buffer bytes) {
  for (const auto& one : sockets_) {
    if (one.get() == &socket) late_.push_back({due, one, std::move(bytes)});
  }
}

// Events ---------------------------------------------------------------------------------------

bool Kernel::broadcast(uint32_t group, Table& table, const Entry& entry, uint32_t origin,
                       const Socket* except) {
  const uint32_t serial = next_event_++;
  const uint16_t type = group == GROUP_DESTROY ? MESSAGE_DELETE : MESSAGE_NEW;
  const uint16_t flags = group == group_of_new ? NLM_F_CREATE | NLM_F_EXCL : 0;
  Buffer bytes;
  bool all = true;
  for (const auto& socket : sockets_) {
    if (!socket->hears(group) || socket.get() == except) continue;
    const bool is_own = socket->table == &table;
    if (!is_own && !socket->hears_every_namespace()) continue;
    if (bytes.empty()) append_entry(bytes, type, flags, 0, origin, table.number(), entry, serial);
    if (!socket->passes(bytes)) continue;
    // The ids that a namespace has for the others: 5, and their number.
    const int32_t netns = is_own ? -1 : 5 + table.number();
    const bool found_room = socket->deliver({bytes, 0, netns});
    report::note(found_room ? "event" : "no room for the event", socket->fd, serial);
    if (!found_room && group == GROUP_DESTROY && socket->reports_failed_broadcasts()) {
      all = false;
      socket->kept++;
    } else {
      socket->heard.push_back({serial, !found_room, netns});
    }
  }
  return all;
}

void Kernel::remove(Table& table, uint32_t key, uint32_t origin, Socket* echo) {
  const Entry entry = *table.find(key);
  table.remove(key, now());
  if (echo) {
    Buffer bytes;
    append_entry(bytes, MESSAGE_DELETE, 0, 0, origin, table.number(), entry, 1);
    answer(*echo, std::move(bytes));
  }
  if (!broadcast(GROUP_DESTROY, table, entry, origin, echo)) {
    kept_.push_back({now() + random_.between(10, 100) * millisecond, table.number(), entry});
  }
}

// By itself ------------------------------------------------------------------------------------

void Kernel::change_by_packet() {
  Table& table = *tables_[random_.below(tables)];
  if (has_ended(table.number())) return;
  const auto key = static_cast<uint32_t>(random_.below(table.keys()));
  const Entry* entry = table.find(key);
  if (!entry) {
    if (table.size() >= table.maximum()) return;
    table.insert({key, next_id_++, new_mark()}, now());
    broadcast(GROUP_NEW, table, *table.find(key), 0, nullptr);
  } else if (random_.once_in(2)) {
    table.change(key, new_mark(), now());
    broadcast(GROUP_UPDATE, table, *table.find(key), 0, nullptr);
  } else {
    remove(table, key, 0, nullptr);
  }
}

// Another process can send to a socket that is not connected to the kernel, and multicast to all.
// What the kernel itself sends may belong to no request that waits.
void Kernel::forge() {
  if (sockets_.empty()) return;
  Socket& socket = *sockets_[random_.below(sockets_.size())];
  if (socket.closed || socket.is_route) return;
  const bool multicasts =
      socket.hears(GROUP_NEW) || socket.hears(GROUP_UPDATE) || socket.hears(GROUP_DESTROY);
  const bool is_stray = !multicasts && socket.sequence > 0 && random_.once_in(2);
  if (socket.connected && !multicasts && !is_stray) return;
  const uint32_t back = is_stray ? 1000 : static_cast<uint32_t>(random_.below(3));
  const uint32_t sequence = socket.sequence - back;
  Buffer bytes;
  switch (random_.below(4)) {
    case 0:
      bytes = error_message(sequence, socket.port_id, random_.once_in(2) ? 0 : EEXIST);
      break;
    case 1:
      bytes = done_message(sequence, socket.port_id);
      break;
    default:
      append_entry(bytes, is_stray || random_.once_in(2) ? MESSAGE_NEW : MESSAGE_DELETE, 0,
                   sequence, socket.port_id, socket.table->number(), {0, forged_mark, forged_mark},
                   0);
  }
  report::note("forged", socket.fd);
  if (!socket.passes(bytes)) return;
  const uint32_t sender = is_stray ? 0 : 99;
  const bool found_room = socket.deliver({std::move(bytes), sender});
  if (found_room) {
    socket.foreign++;
  } else if (multicasts) {
    // What was dropped counts, whoever has sent it.
    if (!socket.reports_failed_broadcasts()) socket.heard.push_back({next_event_++, true, -1});
  } else {
    socket.excused = true;
  }
}

void Kernel::end_namespace() {
  ended_ = true;
  report::note("the namespace ends", 1);
  for (const auto& socket : sockets_) {
    if (socket->table->number() != 1) continue;
    socket->excused = true;
    socket->break_off(ENETDOWN);
  }
}

void Kernel::run() {
  Threads& threads = *Threads::current();
  while (!stopping_) {
    int64_t due = std::min({next_change_, ends_at_, threads.now() + 5 * millisecond});
    for (const Late& late : late_) due = std::min(due, late.due);
    threads.wait([this] { return stopping_; }, due);
    for (size_t i = 0; i < late_.size();) {
      if (late_[i].due > threads.now()) {
        i++;
        continue;
      }
      const Late late = std::move(late_[i]);
      late_.erase(late_.begin() + static_cast<long>(i));
      if (late.bytes.empty()) {
        late.socket->dump.paused = false;
        go_on(*late.socket);
      } else if (!late.socket->closed) {
        late.socket->deliver({late.bytes});
      }
    }
    for (size_t i = 0; i < kept_.size(); i++) {
      if (kept_[i].due > threads.now()) continue;
      if (broadcast(GROUP_DESTROY, table(kept_[i].table), kept_[i].entry, 0, nullptr)) {
        kept_.erase(kept_.begin() + static_cast<long>(i--));
      } else {
        kept_[i].due = threads.now() + random_.between(10, 100) * millisecond;
      }
    }
    if (ends_at_ <= threads.now()) {
      ends_at_ = Threads::never;
      end_namespace();
    }
    if (next_change_ > threads.now()) continue;
    for (uint64_t left = random_.below(plan_.burst) + 1; left > 0; left--) {
      change_by_packet();
      if (random_.once_in(plan_.forgeries)) forge();
      threads.yield();
    }
    next_change_ = threads.now() + static_cast<int64_t>(
                                       random_.below(2 * static_cast<uint64_t>(plan_.traffic) + 1));
  }
}

}  // namespace conntrack::test
