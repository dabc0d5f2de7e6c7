/** Why a file is not even begun. */
export type Refusal = 'empty' | 'tooLarge' | 'notMedia';

/** Media types that a browser gives and that are certainly neither audio nor video. Containers often come as application/*. */
const NEVER_MEDIA = /^(image|text|font)\/|^application\/(pdf|zip|json|xml|msword|vnd\.(openxmlformats|ms-)|x-7z|gzip)/;

/** Refuses what the server would refuse after minutes of uploading; undefined when the file may go. */
export function refusalOf(
  file: { readonly size: number; readonly type: string },
  maxBytes: number | undefined,
): Refusal | undefined {
  if (file.size === 0) return 'empty';
  if (maxBytes !== undefined && file.size > maxBytes) return 'tooLarge';
  if (NEVER_MEDIA.test(file.type)) return 'notMedia';
  return undefined;
}
