// Reads the packed columns that reports/columns.py wrote: base64, deflate, byte planes, zig-zag, differences.

async function inflate(base64) {
  const raw = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Zig-zag integers from their byte planes, lowest plane first; exact up to 2^52.
function integers(bytes, offset, rows, width) {
  const values = new Float64Array(rows);
  for (let plane = width - 1; plane >= 0; plane--) {
    const from = offset + plane * rows;
    for (let row = 0; row < rows; row++) values[row] = values[row] * 256 + bytes[from + row];
  }
  for (let row = 0; row < rows; row++) {
    values[row] = bytes[offset + row] & 1 ? -(values[row] + 1) / 2 : values[row] / 2;
  }
  return values;
}

// Undoes differences, in place.
function accumulated(values) {
  for (let row = 1; row < values.length; row++) values[row] += values[row - 1];
  return values;
}

function floats(bytes, offset, rows) {
  const joined = new Uint8Array(4 * rows);
  for (let plane = 0; plane < 4; plane++) {
    for (let row = 0; row < rows; row++) joined[4 * row + plane] = bytes[offset + plane * rows + row];
  }
  const view = new DataView(joined.buffer);
  return Float32Array.from({ length: rows }, (_, row) => view.getFloat32(4 * row, true));
}

const DECODERS = {
  code: (bytes, offset, rows) => bytes.slice(offset, offset + rows),
  integer: integers,
  delta: (bytes, offset, rows, width) => accumulated(integers(bytes, offset, rows, width)),
  float: floats,
};

// {table: {column: typed array}} from the directory and the base64 payload.
async function readTables(directory, base64) {
  const bytes = await inflate(base64);
  const tables = {};
  let offset = 0;
  for (const [table, { rows, columns }] of Object.entries(directory)) {
    tables[table] = {};
    for (const [name, coding, width] of columns) {
      tables[table][name] = DECODERS[coding](bytes, offset, rows, width);
      offset += rows * width;
    }
  }
  if (offset !== bytes.length) throw new Error(`columns end at byte ${offset} of ${bytes.length}: the page is damaged`);
  return tables;
}
