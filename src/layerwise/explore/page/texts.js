// Every word of the page in three languages, and which language counts.

const TABLE = {
  // key: [English, Chinese, Japanese]
  language: ["English", "中文", "日本語"],
  forward: ["Forward", "正向", "順伝播"],
  backward: ["Backward", "反向", "逆伝播"],
  start: ["Start", "开始", "開始"],
  startSays: [
    "Nothing has been computed yet; only the inputs and parameters have numbers. Step forward with → or the space bar.",
    "还没有计算任何东西，只有输入和参数有数值。按 → 或空格键前进一步。",
    "まだ何も計算されていません。数値があるのは入力とパラメータだけです。→ またはスペースキーで進みます。",
  ],
  turn: ["Backward begins", "反向传播开始", "逆伝播の始まり"],
  turnSays: [
    "From here each layer turns the gradient of its output into gradients of its inputs.",
    "从这里开始，每一层把输出的梯度变成各输入的梯度。",
    "ここから各層が、出力の勾配を入力の勾配に変えていきます。",
  ],
  turnByItself: [
    "The derivative of {0} by itself is 1.",
    "{0} 对自身的导数是 1。",
    "{0} の自分自身に対する微分は 1 です。",
  ],
  turnOfSum: [
    "What is differentiated is the sum of all outputs.",
    "被求导的是所有输出之和。",
    "微分するのは、すべての出力の和です。",
  ],
  turnGiven: [
    "These gradients were given, for instance by the loss.",
    "这些梯度是给定的，例如由损失函数给出。",
    "これらの勾配は、たとえば損失関数から与えられたものです。",
  ],
  gradientSays: [
    "The gradient of a number says how fast the result grows when this number grows.",
    "一个数的梯度表示：这个数增大时，结果增大得有多快。",
    "ある数の勾配は、その数が増えるとき結果がどれだけ速く増えるかを表します。",
  ],
  failed: ["Stopped here", "在此停止", "ここで停止"],
  failedSays: [
    "{0} raised an error in {1}. What ran before it is shown; nothing after it was computed.",
    "{0} 在{1}时出错。之前计算的内容都已显示，之后的都没有计算。",
    "{0} が{1}でエラーになりました。それまでの結果は表示されていますが、その先は計算されていません。",
  ],
  stepOf: ["{0} of {1}", "第 {0} 步，共 {1} 步", "{0} / {1}"],
  toStart: ["To the start", "到开头", "最初へ"],
  back: ["Step back", "后退一步", "一つ戻る"],
  next: ["Step forward", "前进一步", "一つ進む"],
  toEnd: ["To the end", "到结尾", "最後へ"],
  play: ["Play", "播放", "再生"],
  pause: ["Pause", "暂停", "一時停止"],
  speed: ["Speed", "速度", "速さ"],
  position: ["Position in the walk", "步骤位置", "ステップの位置"],
  graph: ["Graph", "计算图", "計算グラフ"],
  graphHelp: [
    "Drag to move, wheel or + and − to zoom, 0 to fit. Tab goes through the nodes, Enter opens one.",
    "拖动平移，滚轮或 + − 缩放，0 适应窗口。Tab 键遍历节点，回车打开。",
    "ドラッグで移動、ホイールまたは + − で拡大縮小、0 で全体表示。Tab でノードを移動、Enter で開きます。",
  ],
  details: ["Details", "详情", "詳細"],
  search: ["Search nodes", "搜索节点", "ノードを検索"],
  noMatch: ["No node has that name.", "没有这个名字的节点。", "その名前のノードはありません。"],
  theme: ["Light or dark", "浅色或深色", "ライト／ダーク"],
  languageSwitch: ["Language", "语言", "言語"],
  saveSvg: ["Save the picture (SVG)", "保存图片 (SVG)", "画像を保存 (SVG)"],
  print: ["Print", "打印", "印刷"],
  help: ["Keys", "按键", "キー操作"],
  zoomIn: ["Zoom in", "放大", "拡大"],
  zoomOut: ["Zoom out", "缩小", "縮小"],
  fit: ["Fit", "适应窗口", "全体表示"],
  unfold: ["Open {0}", "展开 {0}", "{0} を開く"],
  fold: ["Close {0}", "折叠 {0}", "{0} を閉じる"],
  unfoldAll: ["Open all", "全部展开", "すべて開く"],
  foldAll: ["Close all", "全部折叠", "すべて閉じる"],
  goThere: ["Go to this step", "跳到这一步", "このステップへ"],
  follow: ["Follow the walk", "跟随步骤", "ステップに戻る"],
  inputs: ["What goes in", "输入", "入力"],
  output: ["What comes out", "输出", "出力"],
  value: ["Value", "数值", "値"],
  gradient: ["Gradient", "梯度", "勾配"],
  parameters: ["Parameters", "参数", "パラメータ"],
  parameterCount: ["{0} parameters", "{0} 个参数", "パラメータ {0} 個"],
  upstream: ["Upstream gradient", "上游梯度", "上流の勾配"],
  local: ["local derivative", "局部导数", "局所微分"],
  localSaid: ["local, by backward", "局部，据 backward", "局所（backward による）"],
  upstreamShort: ["upstream", "上游", "上流"],
  product: ["gradient", "梯度", "勾配"],
  chainRule: ["Local × upstream", "局部 × 上游", "局所 × 上流"],
  gradientOf: ["Gradient for {0}", "{0} 的梯度", "{0} の勾配"],
  partOf: ["What comes back to {0} from {1}", "从 {1} 传回 {0} 的部分", "{1} から {0} に戻る部分"],
  part: ["part", "部分", "部分"],
  gradientsBack: ["What goes back", "传回的梯度", "戻る勾配"],
  noGradient: ["no gradient", "无梯度", "勾配なし"],
  noGradientSays: [
    "Nothing learns from it: targets and class numbers have no slope.",
    "不参与学习：目标和类别编号没有斜率。",
    "学習の対象ではありません。正解やクラス番号には傾きがありません。",
  ],
  waiting: ["not computed yet", "尚未计算", "未計算"],
  partial: [
    "{0} of {1} parts have come back",
    "已返回 {1} 部分中的 {0} 部分",
    "{1} 個のうち {0} 個が戻りました",
  ],
  sumOf: ["The gradient of {0} is a sum", "{0} 的梯度是若干部分之和", "{0} の勾配は和になります"],
  sumSays: [
    "{0} goes {1} ways, so what comes back on each of them is added.",
    "{0} 流向 {1} 处，因此各处传回的梯度相加。",
    "{0} は {1} か所で使われるので、それぞれから戻る勾配を足し合わせます。",
  ],
  fromNode: ["from {0}", "来自 {0}", "{0} から"],
  theStart: ["the start of backward", "反向传播的起点", "逆伝播の起点"],
  sum: ["sum", "和", "和"],
  formula: ["Formula", "公式", "式"],
  code: ["Python source", "Python 源代码", "Python ソース"],
  noCode: [
    "The source of this method is not available: it was typed in, or is not written in Python.",
    "无法取得此方法的源代码：它是交互输入的，或不是用 Python 写的。",
    "このメソッドのソースは取得できません（対話的に入力されたか、Python で書かれていません）。",
  ],
  graphCode: [
    "A graph has no code of its own: its layers run one after the other. Open it to see them.",
    "计算图没有自己的代码：其中的层依次运行。展开即可查看。",
    "グラフ自身のコードはありません。中の層が順に動きます。開くと見られます。",
  ],
  line: ["line {0}", "第 {0} 行", "{0} 行目"],
  check: ["Check with numbers", "数值检验", "数値で検算"],
  checkSays: [
    "The centred difference (f(x + h) − f(x − h)) / 2h of this layer, weighed with the upstream gradient, in float64 with h = 1e−5 max(1, |x|). Computed when this page was made.",
    "该层的中心差分 (f(x + h) − f(x − h)) / 2h，以上游梯度加权，float64，h = 1e−5 max(1, |x|)。生成此页时计算。",
    "この層の中心差分 (f(x + h) − f(x − h)) / 2h に上流の勾配を掛けたもの。float64、h = 1e−5 max(1, |x|)。ページ作成時に計算。",
  ],
  element: ["element", "元素", "要素"],
  backwardSays: ["backward says", "反向传播", "逆伝播の値"],
  numerically: ["numerically", "数值微分", "数値微分"],
  verdict: ["verdict", "结论", "判定"],
  difference: ["difference", "差", "差"],
  worst: ["worst", "最差", "最大誤差"],
  agrees: ["agrees", "一致", "一致"],
  wrong: ["wrong", "错误", "不一致"],
  unchecked: ["cannot be checked", "无法检验", "検算できません"],
  notFinite: ["not all numbers are finite", "有些数不是有限数", "有限でない数があります"],
  notRepeatable: [
    "the layer gives other numbers each time",
    "该层每次给出不同的数",
    "この層は毎回違う数を返します",
  ],
  notCompared: [
    "{0} is not among the elements compared when this page was made. explore(…, checks=500) compares more of them.",
    "生成此页时没有比较 {0}。explore(…, checks=500) 会比较更多元素。",
    "{0} はページ作成時に比較した要素にありません。explore(…, checks=500) でより多くを比較できます。",
  ],
  kink: ["kink", "折点", "折れ点"],
  checkedOf: ["{0} of {1} elements compared", "已比较 {1} 个元素中的 {0} 个", "{1} 要素中 {0} 要素を比較"],
  moreCompared: ["{0} more were compared.", "另有 {0} 个也已比较。", "ほか {0} 個も比較しました。"],
  noCheck: ["Nothing to compare: {0}.", "无可比较：{0}。", "比較できません：{0}。"],
  mean: ["mean", "均值", "平均"],
  std: ["std", "标准差", "標準偏差"],
  from: ["min", "最小", "最小"],
  to: ["max", "最大", "最大"],
  zeros: ["zeros", "零", "ゼロ"],
  allSame: ["all {0}", "全为 {0}", "すべて {0}"],
  legendValue: ["value", "数值", "値"],
  legendGradient: ["gradient", "梯度", "勾配"],
  empty: ["empty", "空", "空"],
  histogram: ["Histogram from {0} to {1}", "直方图：{0} 到 {1}", "{0} から {1} のヒストグラム"],
  heatMap: [
    "Heat map of {0}. Arrow keys pick an element.",
    "{0} 的热图。方向键选择元素。",
    "{0} のヒートマップ。矢印キーで要素を選びます。",
  ],
  sampled: ["shown: {0}", "显示：{0}", "表示：{0}"],
  ofAxis: ["{0} of {1} along axis {2}", "第 {2} 轴 {1} 中的 {0}", "軸 {2} の {1} 個中 {0} 個"],
  sample: ["sample", "样本", "サンプル"],
  picked: ["One element", "一个元素", "一つの要素"],
  pickHint: [
    "Click a cell to follow one number forward and backward.",
    "点击一个格子，跟踪一个数的正向和反向过程。",
    "セルをクリックすると、一つの数を前後に追えます。",
  ],
  comesFrom: ["It is made of", "它由以下组成", "その内訳"],
  gradientFrom: ["Its gradient is made of", "它的梯度由以下组成", "勾配の内訳"],
  andMore: ["{0} more terms", "其余 {0} 项", "ほか {0} 項"],
  notShown: ["{0} terms are not in the sample", "{0} 项不在样本中", "{0} 項は標本にありません"],
  tooMany: [
    "{0}: more than {1} elements, not followed further.",
    "{0}：超过 {1} 个元素，不再跟踪。",
    "{0}：{1} 個を超える要素は、それ以上追いません。",
  ],
  noTrace: [
    "This layer mixes its inputs in a way that cannot be followed one number at a time.",
    "该层以无法逐个数跟踪的方式混合输入。",
    "この層の混ざり方は、一つの数だけを追うことができません。",
  ],
  edit: ["Change the inputs", "修改输入", "入力を変える"],
  editSays: [
    "Everything is computed anew, forward and backward, in this page.",
    "在本页中重新进行正向和反向计算。",
    "このページの中で順伝播・逆伝播をすべて計算し直します。",
  ],
  reset: ["Reset", "重置", "元に戻す"],
  quiz: ["Predict first", "先预测", "先に予想"],
  quizAsk: ["What is the gradient of {0}?", "{0} 的梯度是多少？", "{0} の勾配はいくつ？"],
  quizAskPart: [
    "What comes back to {0} from {1}?",
    "从 {1} 传回 {0} 的是多少？",
    "{1} から {0} に戻るのはいくつ？",
  ],
  quizHint: [
    "It is local × upstream: which local derivative does {0} have here?",
    "等于 局部 × 上游：这里 {0} 的局部导数是多少？",
    "局所 × 上流です。{0} の局所微分は？",
  ],
  quizSign: [
    "Is the mean of this gradient positive or negative?",
    "这个梯度的均值是正还是负？",
    "この勾配の平均は正？負？",
  ],
  reveal: ["Reveal", "揭晓", "答えを見る"],
  right: ["Right.", "正确。", "正解。"],
  notRight: ["It is {0}.", "答案是 {0}。", "答えは {0} です。"],
  score: ["{0} of {1} right", "答对 {0} / {1}", "{1} 問中 {0} 問正解"],
  yourAnswer: ["Your answer", "你的答案", "あなたの答え"],
  positive: ["positive", "正", "正"],
  negative: ["negative", "负", "負"],
  kindInput: ["input", "输入", "入力"],
  kindParameter: ["parameter", "参数", "パラメータ"],
  kindConstant: ["constant", "常数", "定数"],
  kindOutput: ["output", "输出", "出力"],
  training: ["training", "训练", "訓練"],
  inference: ["inference", "推理", "推論"],
  viewWalk: ["One run", "一次运行", "一回の実行"],
  viewTraining: ["Training", "训练过程", "訓練の経過"],
  trainingTitle: ["The training", "训练过程", "訓練の経過"],
  trainingStep: ["Step {0}, epoch {1}", "第 {0} 步，第 {1} 轮", "ステップ {0}、エポック {1}"],
  logarithmic: ["logarithmic", "对数刻度", "対数目盛"],
  loss: ["loss", "损失", "損失"],
  train: ["training", "训练", "訓練"],
  heldOut: ["held out", "验证", "検証"],
  surface: ["Decision surface", "决策面", "決定境界"],
  surfaceSays: [
    "What the network says at each point; the stronger the colour, the surer.",
    "网络在每一点的判断；颜色越深越确定。",
    "各点でのネットワークの判断。色が濃いほど確信があります。",
  ],
  layersOverTime: ["Layers and parameters over time", "各层与参数随时间的变化", "層とパラメータの時間変化"],
  layersSay: [
    "Each line runs from the first step to the last; the point is this moment.",
    "每条线从第一步到最后一步；圆点是当前时刻。",
    "線は最初から最後のステップまで。点は今の時点です。",
  ],
  weightsAsImages: ["Weights", "权重", "重み"],
  allLayers: ["All layers", "所有层", "すべての層"],
  col_parameter: ["parameter", "参数", "パラメータ"],
  col_layer: ["layer", "层", "層"],
  col_norm: ["norm", "范数", "ノルム"],
  col_gradient: ["gradient norm", "梯度范数", "勾配のノルム"],
  col_update: ["update norm", "更新范数", "更新のノルム"],
  col_ratio: ["update / norm", "更新 / 范数", "更新 / ノルム"],
  col_mean: ["mean", "均值", "平均"],
  col_std: ["std", "标准差", "標準偏差"],
  col_dead: ["dead units", "失活单元", "死んだユニット"],
  keysList: [
    "→ or space: step · ←: back · Home, End: to the start, to the end · P: play · F: find · 0: fit · + −: zoom · shift and arrows: move the picture · Esc: follow the walk",
    "→ 或空格：前进 · ←：后退 · Home、End：开头、结尾 · P：播放 · F：搜索 · 0：适应窗口 · + −：缩放 · Shift + 方向键：移动图 · Esc：跟随步骤",
    "→ かスペース：進む · ←：戻る · Home、End：最初・最後 · P：再生 · F：検索 · 0：全体 · + −：拡大縮小 · Shift + 矢印：図を動かす · Esc：ステップに戻る",
  ],
  close: ["Close", "关闭", "閉じる"],
};

const LANGUAGES = ["en", "zh", "ja"];
let column = 0;

export function languages() {
  return LANGUAGES.map((code, i) => ({ code, name: TABLE.language[i] }));
}

export function setLanguage(code) {
  column = Math.max(0, LANGUAGES.indexOf(code));
}

export function language() {
  return LANGUAGES[column];
}

// The language of the reader's browser, if the page knows it.
export function preferredLanguage(wanted) {
  for (const one of wanted || []) {
    const code = one.slice(0, 2).toLowerCase();
    if (LANGUAGES.includes(code)) return code;
  }
  return "en";
}

// The text of a key; {0}, {1} are filled in.
export function say(key, ...parts) {
  const row = TABLE[key];
  if (!row) throw new Error(`There is no text ${key}.`);
  return row[column].replace(/\{(\d)\}/g, (_, i) => parts[i]);
}
