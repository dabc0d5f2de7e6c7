import { describe, expect, it } from 'vitest';
import { bytesOfToken, plainTokens } from './vocabulary.js';

describe('GPT-2’s byte alphabet', () => {
  it('writes printable Latin-1 as itself and other bytes from U+0100 on', () => {
    expect([...(bytesOfToken('Ġand') ?? [])]).toEqual([0x20, 0x61, 0x6e, 0x64]);
    expect([...(bytesOfToken('Ċ') ?? [])]).toEqual([0x0a]);
    expect([...(bytesOfToken('Ġ') ?? [])]).toEqual([0x20]);
    expect(new TextDecoder().decode(bytesOfToken('ĠÐ¿ÑĢÐ¸'))).toBe(' при');
  });

  it('has no character for a space', () => {
    expect(bytesOfToken('a b')).toBeUndefined();
  });
});

describe('a vocabulary', () => {
  const lines = (plain: number) => Array.from({ length: plain }, (_, i) => (i === 0 ? 'Ġ' : `t${i}`));

  it('gives the tokens before the special ones, in order of their ids', () => {
    const tokens = plainTokens([...lines(50_256), '', '<|startoftranscript|>'].join('\n'));
    expect(tokens).toHaveLength(50_257);
    expect(new TextDecoder().decode(tokens[7])).toBe('t7');
    expect(tokens[50_256]).toHaveLength(0);
  });

  it('keeps the end of text where English vocabularies have it', () => {
    const tokens = plainTokens([...lines(50_256), '<|endoftext|>', '<|startoftranscript|>'].join('\n'));
    expect(new TextDecoder().decode(tokens[50_256])).toBe('<|endoftext|>');
  });

  it('is refused when it is cut short, has no space, or is of another kind', () => {
    expect(() => plainTokens(lines(1000).join('\n'))).toThrow(/not a Whisper vocabulary/);
    expect(() => plainTokens(['x', ...lines(50_257).slice(1)].join('\n'))).toThrow(/not a Whisper vocabulary/);
    expect(() => plainTokens(['▁the', ...lines(50_257)].join('\n'))).toThrow(/token 0 .* not byte-level/);
  });
});
