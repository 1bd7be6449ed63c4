/** How a cell looks. `lane` is the colour of a node, by its number from 1. */
export type Look = 'plain' | 'dim' | 'bold' | 'alarm' | { readonly lane: number };

export interface Cell {
  /** One column wide. */
  readonly glyph: string;
  readonly look: Look;
}

/** What the terminal can show. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  /** False under NO_COLOR: looks are dropped, and nothing is told by colour alone. */
  readonly color: boolean;
  /** False where the locale is not UTF-8: plain ASCII is drawn. */
  readonly unicode: boolean;
}

export interface Glyphs {
  readonly held: string;
  readonly heldLeft: string;
  readonly heldRight: string;
  /** Held by a node that was frozen or unplugged. */
  readonly heldStill: string;
  readonly running: string;
  readonly dead: string;
  readonly frozen: string;
  readonly unplugged: string;
  readonly silent: string;
  readonly strike: string;
  readonly tick: string;
  readonly bar: readonly string[];
}

const UNICODE_GLYPHS: Glyphs = {
  held: '█',
  heldLeft: '▌',
  heldRight: '▐',
  heldStill: '▓',
  running: '─',
  dead: '×',
  frozen: '┄',
  unplugged: '╱',
  silent: '·',
  strike: '▼',
  tick: '╵',
  bar: ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'],
};

const ASCII_GLYPHS: Glyphs = {
  held: '#',
  heldLeft: '#',
  heldRight: '#',
  heldStill: '%',
  running: '-',
  dead: 'x',
  frozen: '~',
  unplugged: '/',
  silent: '.',
  strike: 'v',
  tick: "'",
  bar: ['', '#'],
};

export function glyphsFor(screen: Screen): Glyphs {
  return screen.unicode ? UNICODE_GLYPHS : ASCII_GLYPHS;
}

// SGR codes (ECMA-48 §8.3.117). Lanes differ in brightness too, for eyes that tell few colours.
const LANE_CODES = ['36', '33', '35', '32', '94', '91', '37'];

function codeOf(look: Look): string {
  if (look === 'plain') return '';
  if (look === 'dim') return '2';
  if (look === 'bold') return '1';
  if (look === 'alarm') return '1;31';
  return LANE_CODES[(look.lane - 1) % LANE_CODES.length] ?? '';
}

/** One line for the terminal: neighbours that look alike share one escape sequence. */
export function paint(cells: readonly Cell[], screen: Screen): string {
  const shown = cells.slice(0, screen.columns);
  if (!screen.color)
    return shown
      .map(({ glyph }) => glyph)
      .join('')
      .trimEnd();
  let line = '';
  let code = '';
  for (const { glyph, look } of shown) {
    const wanted = codeOf(look);
    if (wanted !== code) {
      if (code !== '') line += '\x1b[0m';
      if (wanted !== '') line += `\x1b[${wanted}m`;
      code = wanted;
    }
    line += glyph;
  }
  return code === '' ? line : `${line}\x1b[0m`;
}

/** Text as cells. */
export function text(words: string, look: Look = 'plain'): readonly Cell[] {
  return Array.from(words, (glyph) => ({ glyph, look }));
}

/** `cells` filled with blanks, or cut, to `width`. */
export function padTo(cells: readonly Cell[], width: number): readonly Cell[] {
  return [...cells.slice(0, width), ...text(' '.repeat(Math.max(0, width - cells.length)))];
}

/** Writes `cells` over `line` from column `at` on; what falls outside is dropped. */
export function overlay(line: Cell[], at: number, cells: readonly Cell[]): void {
  for (const [offset, cell] of cells.entries()) {
    const column = at + offset;
    if (column >= 0 && column < line.length) line[column] = cell;
  }
}
