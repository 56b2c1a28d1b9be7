// A chart that the server has measured out: bars as shares of the height. Hours are told in the visitor's time zone.
const pad = (number) => String(number).padStart(2, "0");
const clock = (then) => `${pad(then.getHours())}:${pad(then.getMinutes())}`;
const day = (then) => `${then.toLocaleDateString(undefined, { weekday: "short" })} ${then.getDate()}`;

export default {
  template: `
    <figure class="chart">
      <figcaption>
        <h2>{{ chart.title }}</h2>
        <p class="chart-summary">{{ chart.summary }}</p>
      </figcaption>
      <p class="chart-line" aria-hidden="true">
        <template v-if="pointed">
          <strong>{{ name(pointed) }}</strong>
          <span v-for="(cell, place) in pointed.cells">{{ chart.head[place + 1] }} <b>{{ cell }}</b></span>
          <span v-if="!pointed.cells.length">nothing</span>
        </template>
        <template v-else>
          <span v-for="[tone, meaning] in chart.legend"><i class="chart-key" :data-tone="tone"></i>{{ meaning }}</span>
        </template>
      </p>
      <div class="chart-field">
        <div class="chart-ticks" aria-hidden="true">
          <span v-for="[share, text] in chart.ticks" :style="{ bottom: percent(share) }">{{ text }}</span>
        </div>
        <div class="chart-plot" :class="{ dense }" role="slider" tabindex="0" :aria-label="chart.title + ': one column after the other'"
          aria-valuemin="1" :aria-valuemax="columns.length" :aria-valuenow="(at ?? columns.length - 1) + 1" :aria-valuetext="said"
          @pointermove="point" @pointerdown="point" @pointerleave="leave" @keydown="step" @blur="at = null">
          <i v-for="[share] in chart.ticks" class="chart-rule" :style="{ bottom: percent(share) }"></i>
          <div v-for="(column, place) in columns" class="chart-column" :data-pointed="place === at ? '' : null">
            <i v-for="bar in column.bars" class="chart-bar" :data-tone="bar.tone"
              :style="{ bottom: percent(bar.low), height: percent(bar.high - bar.low) }"></i>
          </div>
        </div>
        <div class="chart-edges" :class="{ days: hours && dense }" aria-hidden="true">
          <span v-for="edge in edges" :class="{ minor: edge.minor }" :style="{ left: percent(edge.share) }">{{ edge.text }}</span>
        </div>
      </div>
      <details class="chart-table" @toggle="unfolded = $event.target.open">
        <summary>As a table</summary>
        <div v-if="unfolded" class="chart-rows" tabindex="0" role="region" :aria-label="chart.title + ', as a table'">
          <table class="sums">
            <thead><tr><th v-for="text in chart.head" scope="col">{{ text }}</th></tr></thead>
            <tbody>
              <tr v-for="column in told"><th scope="row">{{ name(column) }}</th><td v-for="cell in column.cells">{{ cell }}</td></tr>
            </tbody>
          </table>
        </div>
      </details>
    </figure>`,
  props: { chart: { type: Object, default: () => ({ head: [], legend: [], ticks: [], columns: [] }) } },
  data() {
    return { at: null, unfolded: false };
  },
  computed: {
    columns() {
      return this.chart.columns;
    },
    pointed() {
      return this.columns[this.at] ?? null;
    },
    hours() {
      return this.columns[0]?.at != null;
    },
    dense() {
      return this.columns.length > 48;
    },
    // Hours in which nothing happened say nothing in a table.
    told() {
      return this.columns.filter((column) => column.cells.length).reverse();
    },
    said() {
      const column = this.pointed ?? this.columns[this.columns.length - 1];
      if (!column) return "";
      const cells = column.cells.map((cell, place) => `${this.chart.head[place + 1]} ${cell}`);
      return `${this.name(column)}: ${cells.join(", ") || "nothing"}`;
    },
    edges() {
      const found = [];
      this.columns.forEach((column, place) => {
        const share = place / this.columns.length;
        if (column.at == null) {
          found.push({ share, text: column.edge, minor: false });
          return;
        }
        const then = new Date(column.at * 1000);
        if (this.dense) {
          if (then.getHours() === 0) found.push({ share, text: day(then), minor: place % 48 >= 24 });
        } else if (then.getHours() % 3 === 0) found.push({ share, text: clock(then), minor: then.getHours() % 6 !== 0 });
      });
      return found;
    },
  },
  methods: {
    percent(share) {
      return `${(share * 100).toFixed(3)}%`;
    },
    name(column) {
      if (column.at == null) return column.name;
      const then = new Date(column.at * 1000);
      const hour = `${clock(then)} to ${clock(new Date((column.at + 3600) * 1000))}`;
      return this.dense ? `${day(then)}, ${hour}` : hour;
    },
    point(event) {
      const plot = event.currentTarget.getBoundingClientRect();
      const place = Math.floor(((event.clientX - plot.left) / plot.width) * this.columns.length);
      this.at = Math.min(this.columns.length - 1, Math.max(0, place));
    },
    leave(event) {
      if (event.pointerType === "mouse" && document.activeElement !== event.currentTarget) this.at = null;
    },
    step(event) {
      const last = this.columns.length - 1;
      const now = this.at ?? last + 1;
      const wanted = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, Home: 0, End: last }[event.key];
      if (event.key === "Escape") this.at = null;
      if (wanted === undefined) return;
      event.preventDefault();
      this.at = Math.min(last, Math.max(0, wanted));
    },
  },
};
