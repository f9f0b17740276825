// Tables sort by the heading that is pressed, up, then down; numbers as numbers.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const heading = button.parentElement;
    const column = heading.cellIndex;
    const sign = heading.ariaSort === "ascending" ? -1 : 1;
    for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const body = heading.closest("table").tBodies[0];
    const key = (row) => {
      const { value } = row.cells[column].dataset;
      return value === undefined ? row.cells[column].textContent : value === "inf" ? Infinity : Number(value);
    };
    const rows = [...body.rows].map((row) => [key(row), row]);
    rows.sort(([a], [b]) => {
      if (typeof a === "string") return sign * a.localeCompare(b);
      if (a === b) return 0;
      // What has no number stays at the end.
      return a === Infinity ? 1 : b === Infinity ? -1 : sign * (a - b);
    });
    body.append(...rows.map(([, row]) => row));
  });
}
