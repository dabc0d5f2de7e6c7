import { describe, expect, it, vi } from 'vitest';
import { UploadBusyError } from './upload-errors.js';
import { UploadLocker } from './upload-lock.js';

const never = () => new AbortController().signal;

describe('UploadLocker', () => {
  it('asks the holder to end when a newer request comes, and hands over once it has', async () => {
    const locker = new UploadLocker();
    const old = locker.newLock('a');
    const asked = vi.fn();
    await old.lock(never(), asked);
    let handedOver = false;
    const newer = locker.newLock('a');
    const waiting = newer.lock(never(), () => {}).then(() => (handedOver = true));
    await vi.waitFor(() => expect(asked).toHaveBeenCalledOnce(), 30_000);
    expect(handedOver).toBe(false);
    await old.unlock();
    await waiting;
    expect(locker.isHeld('a')).toBe(true);
    await newer.unlock();
    expect(locker.isHeld('a')).toBe(false);
  });

  it('serves those who wait in order and asks each to end while others wait', async () => {
    const locker = new UploadLocker();
    const order: string[] = [];
    const first = locker.newLock('a');
    await first.lock(never(), () => {});
    const second = locker.newLock('a');
    const third = locker.newLock('a');
    const askedSecond = vi.fn();
    const gotSecond = second.lock(never(), askedSecond).then(() => order.push('second'));
    const gotThird = third.lock(never(), () => {}).then(() => order.push('third'));
    await Promise.resolve();
    await first.unlock();
    await gotSecond;
    expect(askedSecond).toHaveBeenCalled();
    await second.unlock();
    await gotThird;
    expect(order).toEqual(['second', 'third']);
  });

  it('does not mix uploads', async () => {
    const locker = new UploadLocker();
    await locker.newLock('a').lock(never(), () => {});
    await locker.newLock('b').lock(never(), () => {});
    expect(locker.isHeld('b')).toBe(true);
  });

  it('tells a request to try again when the holder does not end', async () => {
    const locker = new UploadLocker({ waitMs: 5 });
    const holder = locker.newLock('a');
    await holder.lock(never(), () => {});
    await expect(locker.newLock('a').lock(never(), () => {})).rejects.toBeInstanceOf(UploadBusyError);
    await holder.unlock();
    expect(locker.isHeld('a')).toBe(false);
  });

  it('forgets a request that went away while it waited', async () => {
    const locker = new UploadLocker();
    const holder = locker.newLock('a');
    await holder.lock(never(), () => {});
    const gone = new AbortController();
    const waiting = locker.newLock('a').lock(gone.signal, () => {});
    gone.abort();
    await expect(waiting).rejects.toBeInstanceOf(UploadBusyError);
    await holder.unlock();
    expect(locker.isHeld('a')).toBe(false);
  });

  it('runs work exclusively and lets go when it fails', async () => {
    const locker = new UploadLocker();
    await expect(
      locker.exclusively('a', async () => {
        expect(locker.isHeld('a')).toBe(true);
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(locker.isHeld('a')).toBe(false);
  });
});
