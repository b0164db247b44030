// Starts ReDoc with the theme that the system prefers.
const dark = matchMedia("(prefers-color-scheme: dark)");
const fonts = {
  typography: { fontFamily: "system-ui, sans-serif", headings: { fontFamily: "system-ui, sans-serif" } },
};
const darkTheme = {
  colors: {
    primary: { main: "#7cb7ff" },
    http: {
      get: "#2f8132", post: "#186faf", put: "#95507c", patch: "#bf581d", delete: "#cc3333",
    },
    success: { main: "#5fd38d" },
    warning: { main: "#f0b429" },
    error: { main: "#ff8a80" },
    text: { primary: "#e4e6e6", secondary: "#b7bcbf" },
    border: { dark: "#4a5157", light: "#343a3f" },
    gray: { 50: "#22272b", 100: "#2b3136" },
  },
  schema: { nestedBackground: "#22272b", linesColor: "#4a5157" },
  sidebar: { backgroundColor: "#15191c", textColor: "#e4e6e6" },
  rightPanel: {
    backgroundColor: "#101315",
    servers: {
      overlay: { backgroundColor: "#22272b", textColor: "#e4e6e6" },
      url: { backgroundColor: "#15191c" },
    },
  },
  fab: { backgroundColor: "#343a3f", color: "#7cb7ff" },
};
const typography = {
  ...fonts.typography,
  code: { color: "#ff9d94", backgroundColor: "#22272b" },
};

function start() {
  const container = document.createElement("div");
  document.getElementById("redoc").replaceChildren(container);
  const theme = dark.matches ? { ...darkTheme, typography } : fonts;
  Redoc.init(document.getElementById("redoc").dataset.document, { theme }, container);
}

dark.addEventListener("change", start);
start();
