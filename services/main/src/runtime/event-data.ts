/**
 * The data of each event of a stream of Server-Sent Events, one line each as ours send them.
 * @param largest most bytes of an event; a stream with a longer one ends there
 */
export async function* dataOfEvents(stream: AsyncIterable<Buffer>, largest: number): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of stream) {
    text += decoder.decode(piece, { stream: true });
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    if (text.length > largest) return;
    for (const line of lines) if (line.startsWith('data: ')) yield line.slice('data: '.length);
  }
}
