import { Fragment, memo, useState } from 'react';
import { fill } from '../i18n/formatter.ts';
import { useI18n } from '../i18n/i18n.tsx';
import type { IndexedSegment, Paragraph } from './transcript-index.ts';

interface ParagraphViewProps {
  readonly at: number;
  readonly paragraph: Paragraph;
  readonly separator: string;
  readonly onSeek: (ms: number) => void;
  readonly onEdit: ((segment: number, text: string) => void) | undefined;
}

/** A paragraph with its time in the margin. Each segment is one element with one text node: marks count on that. */
export const ParagraphView = memo(function ParagraphView(props: ParagraphViewProps) {
  const { at, paragraph, separator, onSeek, onEdit } = props;
  const { m, f } = useI18n();
  const time = f.clock(paragraph.startMs);
  const doubtful = paragraph.doubts.length > 0;
  return (
    <div className={doubtful ? 'paragraph is-doubtful' : 'paragraph'} data-paragraph={at}>
      <button
        type="button"
        className="paragraph-time"
        aria-label={fill(m.transcript.playFrom, { time })}
        onClick={(event) => {
          event.stopPropagation();
          onSeek(paragraph.startMs);
        }}
      >
        {time}
      </button>
      <div className="paragraph-body">
        {paragraph.segments.length === 0 ? null : onEdit === undefined ? (
          <p className="paragraph-text" dir="auto">
            {paragraph.segments.map((segment, position) => (
              <Fragment key={segment.index}>
                {position === 0 ? null : separator}
                <span
                  data-from={segment.from}
                  lang={segment.language}
                  className={segment.edited ? 'is-edited' : undefined}
                  title={segment.edited ? m.transcript.edited : undefined}
                >
                  {segment.text}
                </span>
              </Fragment>
            ))}
          </p>
        ) : (
          paragraph.segments.map((segment) => (
            // Another text from the server begins the editor anew.
            <SegmentEditor key={`${segment.index} ${segment.text}`} segment={segment} onSeek={onSeek} onEdit={onEdit} />
          ))
        )}
        {doubtful ? (
          <p className="paragraph-doubt">
            {fill(m.transcript.doubtful, { reasons: paragraph.doubts.map((doubt) => m.doubt[doubt]).join(', ') })}
          </p>
        ) : null}
      </div>
    </div>
  );
});

interface SegmentEditorProps {
  readonly segment: IndexedSegment;
  readonly onSeek: (ms: number) => void;
  readonly onEdit: (segment: number, text: string) => void;
}

/** One segment to correct; saved when it is left. */
function SegmentEditor({ segment, onSeek, onEdit }: SegmentEditorProps) {
  const { m, f } = useI18n();
  const [text, setText] = useState(segment.text);
  return (
    <textarea
      className={segment.edited ? 'segment-editor is-edited' : 'segment-editor'}
      aria-label={fill(m.transcript.editLine, { time: f.clock(segment.startMs) })}
      dir="auto"
      lang={segment.language}
      rows={1}
      spellCheck
      value={text}
      onFocus={() => onSeek(segment.startMs)}
      // A segment is one line of text; Enter leaves it.
      onChange={(event) => setText(event.target.value.replaceAll('\n', ' '))}
      onKeyDown={(event) => {
        if (event.key === 'Escape') setText(segment.text);
        if (event.key === 'Enter' && !event.nativeEvent.isComposing) {
          event.preventDefault();
          event.currentTarget.blur();
        }
      }}
      onBlur={() => {
        if (text.trim() !== segment.text) onEdit(segment.index, text.trim());
      }}
    />
  );
}
