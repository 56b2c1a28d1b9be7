// Where does a list of growing things stand? At its newest end while the visitor is there, else where they left it.
export default {
  template: `
    <div class="scroller" @scroll.passive="scrolled" @wheel.passive="touched" @touchmove.passive="touched"
      @pointerdown.passive="touched" @keydown="touched">
      <div ref="content" class="scroller-content"><slot></slot></div>
      <button v-if="away" type="button" class="to-newest" @click="newest('smooth')">Newest ↓</button>
    </div>`,
  data() {
    return { pinned: true, away: false, top: 0, touchedAt: -Infinity };
  },
  mounted() {
    this.watcher = new ResizeObserver(() => this.pinned && this.jump("auto"));
    this.watcher.observe(this.$refs.content);
    this.watcher.observe(this.$el);
    this.jump("auto");
  },
  unmounted() {
    this.watcher.disconnect();
  },
  methods: {
    touched() {
      this.touchedAt = performance.now();
    },
    scrolled() {
      const { scrollHeight, scrollTop, clientHeight } = this.$el;
      const below = scrollHeight - scrollTop - clientHeight;
      // Only the visitor's hand leaves the newest end; growing, shrinking and the browser's own anchoring do not.
      if (below < 48) this.pinned = true;
      else if (scrollTop < this.top - 2 && performance.now() - this.touchedAt < 1500) this.pinned = false;
      this.top = scrollTop;
      this.away = below > 600;
    },
    newest(behavior = "auto") {
      this.pinned = true;
      const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.jump(calm ? "auto" : behavior);
    },
    jump(behavior) {
      this.$el.scrollTo({ top: this.$el.scrollHeight, behavior });
    },
    reveal(id) {
      const target = document.getElementById(id);
      if (!target) return;
      this.pinned = false;
      const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      target.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
      target.classList.remove("pointed-at");
      void target.offsetWidth; // begins the animation anew
      target.classList.add("pointed-at");
    },
  },
};
