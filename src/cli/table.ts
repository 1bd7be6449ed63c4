/** A cell; `style` is applied after the padding, so that it does not count as width. */
export interface Cell {
  readonly text: string;
  readonly style?: Style;
}

export type Style = (text: string) => string;

export interface Column {
  readonly title: string;
  /** Numbers are read from the right. */
  readonly align?: 'right';
  /** Gives way, with an ellipsis, where the table is wider than the terminal. */
  readonly shrinks?: boolean;
}

const GAP = '  ';
const MIN_SHRUNK_WIDTH = 8;

/** Lines of a table that is at most `width` wide, as far as the columns that shrink allow. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number,
): readonly string[] {
  const titles = columns.map(({ title }): Cell => ({ text: title }));
  const lines = [titles, ...rows];
  const widths = columns.map((_, index) =>
    Math.max(...lines.map((cells) => cells[index]?.text.length ?? 0)),
  );
  shrink(columns, widths, width - GAP.length * (columns.length - 1));
  return lines.map((cells) =>
    cells
      .map((cell, index) => fit(cell, columns[index], widths[index] ?? 0))
      .join(GAP)
      .trimEnd(),
  );
}

function shrink(columns: readonly Column[], widths: number[], room: number): void {
  for (const [index, column] of columns.entries()) {
    const excess = widths.reduce((sum, width) => sum + width, 0) - room;
    if (excess <= 0 || column.shrinks !== true) continue;
    widths[index] = Math.max(MIN_SHRUNK_WIDTH, (widths[index] ?? 0) - excess);
  }
}

function fit(cell: Cell, column: Column | undefined, width: number): string {
  const text = cell.text.length > width ? `${cell.text.slice(0, width - 1)}…` : cell.text;
  const blanks = ' '.repeat(width - text.length);
  const styled = cell.style?.(text) ?? text;
  return column?.align === 'right' ? blanks + styled : styled + blanks;
}
