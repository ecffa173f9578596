/**
 * What must be closed together with its owner, unless nobody holds it any more:
 * an owner that lives long must not keep what its users have dropped.
 */
interface Closable {
  close(): Promise<void>;
}

export class Dependents<T extends Closable> {
  private readonly references = new Set<WeakRef<T>>();
  private readonly dropped = new FinalizationRegistry<WeakRef<T>>((reference) => {
    this.references.delete(reference);
  });

  add(dependent: T): void {
    const reference = new WeakRef(dependent);
    this.references.add(reference);
    this.dropped.register(dependent, reference);
  }

  async close(): Promise<void> {
    const held = [...this.references].flatMap((reference) => reference.deref() ?? []);
    await Promise.all(held.map((dependent) => dependent.close()));
  }
}
