import { createJob, discardUpload, uploadStatus } from '../api/queries.ts';
import { startTusTransfer } from './transfer.ts';
import { UploadQueue } from './upload-queue.ts';
import { browserRecords } from './upload-records.ts';

/** The uploads of this tab: they outlive every screen. */
export const uploads = new UploadQueue({
  startTransfer: startTusTransfer,
  records: browserRecords,
  createJob,
  uploadStatus,
  discardUpload,
  now: () => performance.now(),
  // A hidden page draws no frames, and its numbers need not be fresh.
  soon: (run) => (document.hidden ? setTimeout(run, 1_000) : requestAnimationFrame(run)),
  later: (run, ms) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
});
