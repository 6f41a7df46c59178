// Tables sort by a click (or Enter) on a column's button; equal values keep their order.

function sortValue(cell) {
  const number = Number(cell.dataset.sort);
  return cell.dataset.sort !== "" && Number.isFinite(number) ? number : cell.dataset.sort;
}

// Numbers by size, texts by the alphabet, nothing last.
function compareValues(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  if (typeof one === "number") return -1;
  if (typeof other === "number") return 1;
  return one.localeCompare(other, undefined, { numeric: true });
}

function sortTable(table, column, falling) {
  const body = table.tBodies[0];
  const keyed = Array.from(body.rows, (row) => ({ row, value: sortValue(row.cells[column]) }));
  const sign = falling ? -1 : 1;
  keyed.sort((one, other) => sign * compareValues(one.value, other.value));
  body.append(...keyed.map(({ row }) => row));
}

function startTables() {
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = Array.from(table.querySelectorAll("thead tr:last-child th"));
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const falling = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", falling ? "descending" : "ascending");
        sortTable(table, column, falling);
      });
    });
  }
}
