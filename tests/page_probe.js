// What a report's page is found to be; the names in capitals are filled in by the fixture `browse`.
const table = document.querySelectorAll("table")[TABLE];
const heading = [...table.tHead.rows[0].cells].find((cell) => cell.textContent === "HEADING");
const column = () => [...table.tBodies[0].rows].map((row) => row.cells[heading.cellIndex].textContent);
const sorted = () => { heading.firstChild.click(); return [heading.getAttribute("aria-sort"), column()]; };
const style = (element, name) => getComputedStyle(element)[name];
const found = {
  ink: style(document.body, "color"),
  paper: style(document.body, "backgroundColor"),
  plots: [...document.querySelectorAll("figure")].map((figure) => {
    const box = figure.querySelector("svg").getBoundingClientRect();
    return {
      name: figure.id,
      width: box.width,
      height: box.height,
      inside: figure.getBoundingClientRect().right >= box.right,
      shapes: [...figure.querySelectorAll("path, use")].filter((shape) => style(shape, "display") !== "none").length,
      text: style(figure.querySelector("text"), "fill"),
    };
  }),
  room: document.documentElement.clientWidth,
  wide: document.documentElement.scrollWidth,
  sorts: [column(), sorted(), sorted()],
};
document.body.innerHTML = "<pre id=found></pre>";
document.getElementById("found").textContent = JSON.stringify({ ...found, errors });
