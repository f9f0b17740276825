"""How many units, and in how many directions, for sequences of different lengths: a grid search of scikit-learn."""

import numpy as np
from sklearn.model_selection import GridSearchCV, train_test_split

from rnnfast.sklearn import RNNClassifier

rng = np.random.default_rng(0)
sequences = [rng.standard_normal((length, 2)) for length in rng.integers(5, 16, 600)]
labels = ["rising" if steps[0, 0] < steps[-1, 0] else "falling" for steps in sequences]
x_train, x_test, y_train, y_test = train_test_split(sequences, labels, test_size=0.3, random_state=0)

search = GridSearchCV(
    RNNClassifier(epochs=20, learning_rate=0.01, random_state=0),
    {"hidden_size": [4, 16], "bidirectional": [False, True]},
    cv=3,
)
search.fit(x_train, y_train)
for parameters, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
    print(f"{score:.3f}", parameters)
print("Best:", search.best_params_)
print(f"Test accuracy: {search.score(x_test, y_test):.3f}")
