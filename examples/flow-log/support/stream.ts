/**
 * The stream of a fleet, as "nats stream add" makes it.
 */
import { DiscardPolicy, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import { type NatsConnection, nanos } from '@nats-io/transport-node';

export async function createStream(connection: NatsConnection): Promise<void> {
  const manager = await jetstreamManager(connection);
  await manager.streams.add({
    name: 'FLOWS',
    subjects: ['flows.>'],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    // The oldest records make room.
    discard: DiscardPolicy.Old,
    max_age: nanos(30 * 86_400_000),
    max_bytes: 4 * 2 ** 30,
    duplicate_window: nanos(120_000),
  });
}
